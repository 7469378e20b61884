//! The program: everything is in the library, see `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gizwits2mqtt::cli::main()
}
