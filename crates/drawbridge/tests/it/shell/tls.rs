//! A hub behind a proxy that speaks TLS, with good certificates and bad ones.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::home;
use crate::program::Home;

/// Who signs certificates here.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// A file with its own certificate.
    file: PathBuf,
}

impl Authority {
    fn new(name: &str, folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// A proxy for the hub at `to`, with a certificate for this name.
    async fn proxy(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
        to: SocketAddr,
    ) -> SocketAddr {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .unwrap();
        serve(TlsAcceptor::from(Arc::new(config)), to).await
    }
}

async fn serve(acceptor: TlsAcceptor, to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let (Ok(mut near), Ok(mut far)) =
                    (acceptor.accept(stream).await, TcpStream::connect(to).await)
                else {
                    return;
                };
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    address
}

/// Asks for the files of the hub there, trusting the authority; gives the status and what was said.
async fn list(home: &Home, url: &str, key: &str, authority: &Path) -> (i32, String) {
    let mut command = home.command(&["shell", "--url", url, "-c", "ls"]);
    command
        .env("DRAWBRIDGE_HOME", home.path("elsewhere"))
        .env("DRAWBRIDGE_KEY", key)
        .env("SSL_CERT_FILE", authority);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_behind_tls_is_reached_when_its_certificate_is_good() {
    let home = home();
    let hub = home.serve();
    let (key, address) = (hub.key(), hub.address);
    let authority = Authority::new("ours", &home.path(""));
    let good = authority.proxy("127.0.0.1", |_| {}, address).await;
    for scheme in ["wss", "https"] {
        let listed = list(&home, &format!("{scheme}://{good}"), &key, &authority.file).await;
        assert_eq!(listed, (0, "notes/  a.txt\n".to_owned()));
    }
    let (code, said) = list(&home, &format!("wss://{good}"), "drawbridge_wrong", &authority.file).await;
    assert!(code == 1 && said.contains("refused with 401"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_good_is_named_and_refused() {
    let home = home();
    let hub = home.serve();
    let (authority, stranger) =
        (Authority::new("ours", &home.path("")), Authority::new("a stranger", &home.path("")));
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(3001, 1, 1);
    let to = hub.address;
    for (place, says) in [
        (authority.proxy("hub.example", |_| {}, to).await, "is not for 127.0.0.1, but for"),
        (authority.proxy("127.0.0.1", expired, to).await, "has expired"),
        (authority.proxy("127.0.0.1", early, to).await, "not valid yet"),
        (stranger.proxy("127.0.0.1", |_| {}, to).await, "nobody whom this machine trusts"),
        (to, "speaks no TLS"),
    ] {
        let (code, said) = list(&home, &format!("wss://{place}"), &hub.key(), &authority.file).await;
        assert!(code == 1 && said.contains(says), "{says}: {said}");
        assert!(!said.contains(&hub.key()) && said.lines().count() == 1, "said once: {said}");
    }
}
