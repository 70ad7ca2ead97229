//! Who listens on an interface? `cargo run -p mld-linux --example membership -- eth0`
use core::{error::Error, time::Duration};

use mld_linux::mld_proto::GroupAddr;
use mld_linux::{Interface, InterfaceEvent, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("name an interface")?;
    let group: GroupAddr = "ff05::1234".parse()?;

    // Manages the interface from here on, on a thread of its own.
    let interface = Interface::open(&name, &Options::default())?;

    // Has the group members, and in which state is it?
    println!("{group}: {}, {}", interface.has_members(group), interface.state(group).name());

    // Told the present interest at once, then each change. It may unsubscribe from inside.
    let interest = interface.on_interest(group, move |has_members| {
        println!("{group} {}", if has_members { "is wanted" } else { "is not wanted" });
    })?;

    // Told of everything on the interface.
    let events = interface.on_event(|event| match event {
        InterfaceEvent::Report { group, reporter, .. } => println!("{reporter} reports {group}"),
        InterfaceEvent::Done { group, reporter } => println!("{reporter} is done with {group}"),
        InterfaceEvent::Timeout { group } => println!("nobody listens to {group} any more"),
        InterfaceEvent::Removed => println!("the interface is no longer managed"),
        _ => {}
    })?;

    std::thread::sleep(Duration::from_secs(60));
    interface.unsubscribe(interest);
    interface.unsubscribe(events);
    Ok(interface.remove()?)
}
