//! TLS on the way to a hub. Whom to trust, the system says; what is wrong with a certificate is said in words.

use std::io;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Address, DialError};

/// Encrypts the way, once the hub has shown that it is who it should be.
pub(super) async fn encrypt(address: &Address, stream: TcpStream) -> Result<TlsStream<TcpStream>, DialError> {
    let name = ServerName::try_from(address.host.clone()).map_err(|_| {
        DialError::lasting(format!("{} is no name that a certificate could have", address.host))
    })?;
    let connector = TlsConnector::from(Arc::new(config().map_err(|error| {
        DialError::lasting(format!("this machine trusts nobody's certificates: {error}"))
    })?));
    connector.connect(name, stream).await.map_err(|error| refused(address, &error))
}

fn config() -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(config)
}

fn refused(address: &Address, error: &io::Error) -> DialError {
    let told = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match told {
        Some(rustls::Error::InvalidCertificate(why)) => DialError::lasting(format!(
            "the hub at {address} is not trusted: {}. Nothing was sent, the key neither",
            in_words(&address.host, why)
        )),
        Some(rustls::Error::InvalidMessage(_)) => DialError::lasting(format!(
            "what answers at {address} speaks no TLS: is it ws://{address}, or another port?"
        )),
        _ => DialError::passing(format!("the hub at {address} does not let us in: {error}")),
    }
}

/// What is wrong with a certificate, and what to do.
fn in_words(host: &str, why: &CertificateError) -> String {
    use CertificateError as Wrong;
    match why {
        Wrong::Expired | Wrong::ExpiredContext { .. } => {
            "its certificate has expired; whoever runs it has to renew it".to_owned()
        }
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is the clock of this machine right?".to_owned()
        }
        Wrong::NotValidForName => format!("its certificate is not for {host}"),
        Wrong::NotValidForNameContext { presented, .. } => {
            format!("its certificate is not for {host}, but for {}", presented.join(", "))
        }
        Wrong::Revoked => "its certificate was revoked".to_owned(),
        Wrong::UnknownIssuer => {
            "nobody whom this machine trusts vouches for its certificate; if it is one of your own, SSL_CERT_FILE can name the \
             file of who signed it"
                .to_owned()
        }
        other => format!("its certificate cannot be accepted ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words_and_stays_wrong() {
        let address: Address = "wss://hub.example".parse().unwrap();
        for (why, says) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "not valid yet"),
            (CertificateError::NotValidForName, "is not for hub.example"),
            (CertificateError::UnknownIssuer, "SSL_CERT_FILE"),
            (CertificateError::Revoked, "was revoked"),
            (CertificateError::BadSignature, "cannot be accepted"),
        ] {
            let error = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(why));
            let refused = refused(&address, &error);
            assert!(refused.is_final && refused.message.contains(says), "{}", refused.message);
        }
    }

    #[test]
    fn a_way_that_breaks_may_be_there_again_in_a_moment() {
        let address: Address = "wss://hub.example".parse().unwrap();
        assert!(!refused(&address, &io::ErrorKind::ConnectionReset.into()).is_final);
    }
}
