//! Every host, on a machine made for one test.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

mod files;
mod hosts;
mod places;
mod properties;

use std::fs;
use std::path::PathBuf;

use drawbridge_connect::{
    BACKUP_SUFFIX, ConnectError, Entry, Host, Places, Plan, Platform, plan, plan_removal,
};
use tempfile::TempDir;

const PROGRAM: &str = if cfg!(windows) { "C:/opt/drawbridge" } else { "/opt/drawbridge" };

/// A home folder with nothing in it.
struct Machine {
    _home: TempDir,
    places: Places,
}

impl Machine {
    fn new() -> Machine {
        let home = tempfile::tempdir().unwrap();
        let places = Places::new(Platform::Linux, home.path());
        Machine { _home: home, places }
    }

    fn with(host: &Host, text: &str) -> Machine {
        let machine = Machine::new();
        machine.write(host, text);
        machine
    }

    fn file(&self, host: &Host) -> PathBuf {
        host.file(&self.places)
    }

    fn write(&self, host: &Host, text: &str) {
        let file = self.file(host);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn read(&self, host: &Host) -> Option<String> {
        fs::read_to_string(self.file(host)).ok()
    }

    fn backup(&self, host: &Host) -> PathBuf {
        let mut name = self.file(host).into_os_string();
        name.push(BACKUP_SUFFIX);
        name.into()
    }

    fn plan(&self, host: &'static Host) -> Result<Plan, ConnectError> {
        plan(host, &self.places, &entry())
    }

    fn connect(&self, host: &'static Host) -> Plan {
        let plan = self.plan(host).unwrap_or_else(|error| panic!("{}: {error}", host.id));
        plan.apply().unwrap_or_else(|error| panic!("{}: {error}", host.id));
        assert_eq!(self.read(host), plan.after, "{}", host.id);
        plan
    }

    fn remove(&self, host: &'static Host) -> Plan {
        let plan = plan_removal(host, &self.places, &entry()).unwrap();
        plan.apply().unwrap_or_else(|error| panic!("{}: {error}", host.id));
        assert_eq!(self.read(host), plan.after, "{}", host.id);
        plan
    }
}

fn entry() -> Entry {
    Entry::stdio(PROGRAM).unwrap()
}
