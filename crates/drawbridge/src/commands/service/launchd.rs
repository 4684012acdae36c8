//! An agent of launchd, of this user (macOS). Written by the book (`launchd.plist(5)`), and not tried yet: it was made on
//! a machine without launchd.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{OURS, Service};

/// The agent's name.
const LABEL: &str = "org.drawbridge.hub";

pub(super) fn place() -> Result<PathBuf> {
    let home = etcetera::home_dir().context("there is no home folder for agents")?;
    Ok(home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")))
}

/// The domain of this user's session.
fn domain() -> String {
    #[cfg(unix)]
    let user = rustix::process::getuid().as_raw();
    #[cfg(not(unix))]
    let user = 0;
    format!("gui/{user}")
}

pub(super) fn starting(place: &Path) -> Vec<String> {
    vec!["launchctl".to_owned(), "bootstrap".to_owned(), domain(), place.display().to_string()]
}

pub(super) fn stopping() -> Vec<String> {
    vec!["launchctl".to_owned(), "bootout".to_owned(), format!("{}/{LABEL}", domain())]
}

pub(super) fn asking() -> Vec<String> {
    vec!["launchctl".to_owned(), "print".to_owned(), format!("{}/{LABEL}", domain())]
}

pub(super) fn agent(service: &Service) -> Result<String> {
    let program = escaped(service.program.to_str().context("the program's path is not UTF-8")?);
    let home = match &service.home {
        Some(home) => {
            let home = escaped(home.to_str().context("the state folder's path is not UTF-8")?);
            format!(
                "\t<key>EnvironmentVariables</key>\n\t<dict>\n\t\t<key>DRAWBRIDGE_HOME</key>\n\t\t<string>{home}</string>\n\t</dict>\n"
            )
        }
        None => String::new(),
    };
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<!-- {OURS}. Not tried yet: tell us how it went. -->
<plist version=\"1.0\">
<dict>
\t<key>Label</key>
\t<string>{LABEL}</string>
\t<key>ProgramArguments</key>
\t<array>
\t\t<string>{program}</string>
\t\t<string>serve</string>
\t</array>
{home}\t<key>RunAtLoad</key>
\t<true/>
\t<key>KeepAlive</key>
\t<dict>
\t\t<key>SuccessfulExit</key>
\t\t<false/>
\t</dict>
\t<key>Umask</key>
\t<integer>63</integer>
\t<key>ExitTimeOut</key>
\t<integer>30</integer>
</dict>
</plist>
"
    ))
}

/// Text as XML holds it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
