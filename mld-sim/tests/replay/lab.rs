//! Runs the program in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A directory for the files of one test.
pub(crate) struct Lab {
    directory: PathBuf,
}

/// What a replay yielded.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    /// `name` must be that of the test.
    pub(crate) fn new(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => fs::create_dir_all(&directory).expect("a directory for the test"),
        }
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect(name);
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect(name)
    }

    /// The program, to be run in the directory of the test.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mld-sim"));
        command.args(arguments).current_dir(&self.directory);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.command(arguments).output().expect("the program starts").into()
    }

    /// Replays `capture` with `arguments`; it must do so without a word.
    pub(crate) fn replay(&self, capture: &[u8], arguments: &[&str]) -> Replayed {
        self.write("capture", capture);
        let arguments =
            [&["replay", "capture", "--state", "state", "--transmit", "sent"], arguments].concat();
        let outcome = self.run(&arguments);
        assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{arguments:?}");
        Replayed {
            events: outcome.events(),
            stdout: outcome.stdout,
            state: serde_json::from_slice(&self.read("state")).expect("the state is JSON"),
            sent: self.read("sent"),
        }
    }

    /// Replays `capture` with this configuration.
    pub(crate) fn configured(&self, capture: &[u8], configuration: &str) -> Replayed {
        self.write("configuration", configuration);
        self.replay(capture, &["--config", "configuration"])
    }

    /// Runs a replay that must fail with `status`, in one line on standard error, and yields that line.
    pub(crate) fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.status, status, "{arguments:?}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        outcome.stderr
    }
}

/// All results of a replay.
pub(crate) struct Replayed {
    pub(crate) stdout: String,
    pub(crate) events: Vec<Value>,
    pub(crate) state: Value,
    pub(crate) sent: Vec<u8>,
}

impl Replayed {
    /// The events of this name.
    pub(crate) fn of(&self, event: &str) -> Vec<&Value> {
        self.events.iter().filter(|document| document["event"] == event).collect()
    }

    /// Time and name of each event but those about the querier, and of which group.
    pub(crate) fn timeline(&self) -> Vec<(f64, &str, &str)> {
        let groups = self.events.iter().filter(|event| event["event"] != "querier");
        groups.map(|event| (seconds(event), text(event, "event"), text(event, "group"))).collect()
    }

    /// The interface in the state document.
    pub(crate) fn interface(&self) -> &Value {
        assert_eq!(self.state["interfaces"].as_array().map(Vec::len), Some(1));
        &self.state["interfaces"][0]
    }

    /// The groups in the state document.
    pub(crate) fn groups(&self) -> Vec<&str> {
        let groups = self.interface()["groups"].as_array().expect("groups are a list");
        groups.iter().map(|group| text(group, "group-address")).collect()
    }

    pub(crate) fn discarded(&self, reason: &str) -> u64 {
        self.interface()["statistics"]["discarded"][reason].as_u64().expect(reason)
    }

    /// The discarded packets of all reasons that occurred.
    pub(crate) fn all_discarded(&self) -> Vec<(&str, u64)> {
        let all = self.interface()["statistics"]["discarded"].as_object().expect("discarded is a table");
        let counted = all.iter().map(|(reason, count)| (reason.as_str(), count.as_u64().expect("a number")));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// Milliseconds and IPv6 packet of all that was sent.
    pub(crate) fn sent(&self) -> Vec<(u64, &[u8])> {
        let mut rest = &self.sent[24..];
        let mut sent = Vec::new();
        while !rest.is_empty() {
            let number = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four octets"));
            let frame_end = 16 + number(8) as usize;
            assert_eq!(number(4) % 1000, 0, "whole milliseconds");
            sent.push((u64::from(number(0)) * 1000 + u64::from(number(4) / 1000), &rest[16 + 14..frame_end]));
            rest = &rest[frame_end..];
        }
        sent
    }

    /// When something was sent, in milliseconds.
    pub(crate) fn sent_at(&self) -> Vec<u64> {
        self.sent().iter().map(|(time_ms, _)| *time_ms).collect()
    }
}

impl Outcome {
    pub(crate) fn events(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect()
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

pub(crate) fn seconds(event: &Value) -> f64 {
    event["time"].as_f64().expect("a time")
}

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}
