//! Writes the man pages into a folder: one for the program and one for each command. `make dist` runs it.

fn main() -> std::io::Result<()> {
    let folder =
        std::env::args_os().nth(1).ok_or_else(|| std::io::Error::other("name the folder for the man pages"))?;
    std::fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(symphony_data_cli::command(), folder)
}
