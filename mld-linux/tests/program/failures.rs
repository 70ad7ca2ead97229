//! What cannot be done: one line, and the status that scripts rely on.

use std::process::Command;

use libtest_mimic::Failed;

use crate::Test;
use crate::support::{Directory, Link, end_of, output};

pub(crate) const TESTS: &[Test] = &[
    ("help_and_version_are_there_for_everything", help_and_version_are_there_for_everything),
    ("wrong_arguments_end_with_2_and_one_line", wrong_arguments_end_with_2_and_one_line),
    ("a_wrong_configuration_ends_with_2_and_names_file_line_and_key", wrong_configuration),
    ("a_missing_interface_ends_with_1_and_is_named", missing_interface),
    ("a_missing_privilege_ends_with_4_and_says_how_to_grant_it", missing_privilege),
    ("show_without_a_router_ends_with_1", show_without_a_router_ends_with_1),
];

fn help_and_version_are_there_for_everything() -> Result<(), Failed> {
    for command in [&[][..], &["demo"], &["run"], &["monitor"], &["show"]] {
        let ended = end_of(&[command, &["--help"]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains("Usage: mld"), "{ended:?}");
        let ended = end_of(&[command, &["--version"]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.ends_with(concat!(env!("CARGO_PKG_VERSION"), "\n")), "{ended:?}");
    }
    Ok(())
}

fn wrong_arguments_end_with_2_and_one_line() -> Result<(), Failed> {
    end_of(&[]).failed_with(2, &["subcommand", "demo", "run", "monitor", "show"]);
    end_of(&["run", "--colour"]).failed_with(2, &["--colour", "usage: mld run"]);
    end_of(&["run"]).failed_with(2, &["no interface", "usage: mld run"]);
    end_of(&["run", "eth0", "--events", "xml"]).failed_with(2, &["xml", "json"]);
    end_of(&["monitor"]).failed_with(2, &["INTERFACE"]);
    end_of(&["demo", "--seconds", "0"]).failed_with(2, &["--seconds", "1..=3600"]);
    end_of(&["show", "eth0", "eth1"]).failed_with(2, &["eth0", "groups"]);
    end_of(&["check", "mld.toml"]).failed_with(2, &["check"]);
    Ok(())
}

fn wrong_configuration() -> Result<(), Failed> {
    let directory = Directory::new("configuration");
    for (text, parts) in [
        ("version = 2\nquery-intervall = 60\n", &["bad.toml:2:", "query-intervall"][..]),
        ("robustness-variable = 300\n", &["bad.toml:1:", "robustness-variable", "1 to 255"]),
        (
            "[[interface]]\nname = \"eth0\"\nquery-interval = 5\n",
            &["bad.toml:3:", "eth0", "query-max-response-time"],
        ),
        ("version = 2\n", &["bad.toml", "no interface"]),
        ("[[interface]\n", &["bad.toml:1:"]),
    ] {
        let file = directory.write("bad.toml", text);
        end_of(&["run", "--config", &file]).failed_with(2, parts);
    }
    let absent = directory.text("absent.toml");
    end_of(&["run", "eth0", "--config", &absent]).failed_with(2, &["absent.toml"]);
    Ok(())
}

fn missing_interface() -> Result<(), Failed> {
    let link = Link::new("there");
    for command in [&["run"][..], &["monitor"]] {
        end_of(&[command, &[link.name, "absent0"]].concat()).failed_with(1, &["absent0"]);
    }
    let directory = Directory::new("missing");
    let file = directory.write("mld.toml", "[[interface]]\nname = \"absent1\"\n");
    end_of(&["run", link.name, "--config", &file]).failed_with(1, &["absent1"]);
    Ok(())
}

fn missing_privilege() -> Result<(), Failed> {
    let link = Link::new("guarded");
    for command in ["run", "monitor"] {
        // A user namespace below that of the network namespace has no say in it.
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", env!("CARGO_BIN_EXE_mld"), command, link.name]);
        output(unshare).failed_with(4, &[link.name, "CAP_NET_RAW", "setcap", "root"]);
    }
    Ok(())
}

fn show_without_a_router_ends_with_1() -> Result<(), Failed> {
    let directory = Directory::new("nobody");
    let socket = directory.text("mld.sock");
    end_of(&["show", "--socket", &socket]).failed_with(1, &["mld.sock", "mld run"]);
    // Left behind by a router that was killed.
    drop(std::os::unix::net::UnixListener::bind(&socket)?);
    end_of(&["show", "--json", "--socket", &socket]).failed_with(1, &["mld.sock", "mld run"]);
    Ok(())
}
