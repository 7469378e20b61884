//! Layer 6: the command line. Puts the parts together, prints, and chooses the exit code.

mod args;
mod check;
mod client;
mod data;
mod demo;
mod devices;
mod health;
mod logging;
mod output;
mod run;
mod schema;
mod simulate;
mod trouble;
mod view;
mod when;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use output::Output;
use trouble::Trouble;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.json);
    // One thread: the work is waiting, and each further thread keeps memory of its own.
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(err) => return output.fail(&Trouble::failed(format!("no runtime: {err}"))),
    };
    let result = runtime.block_on(dispatch(args, &output));
    // A call that hangs must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => output.fail(&trouble),
    }
}

async fn dispatch(args: Args, output: &Output) -> Result<(), Trouble> {
    let Args {
        config,
        verbose,
        quiet,
        command,
        ..
    } = args;
    let verbosity = i16::from(verbose) - i16::from(quiet);
    let ask = || client::Ask::load(config.as_deref(), verbosity);
    match command {
        Command::Run => run::run(config.as_deref(), verbosity).await,
        Command::Demo(demo) => demo::demo(demo, verbosity, output).await,
        Command::Simulate(simulate) => simulate::simulate(simulate, verbosity, output).await,
        Command::Check { online } => {
            let config = config.as_deref();
            or_interrupted(check::check(config, online, verbosity, output)).await
        }
        Command::Devices(devices) => {
            or_interrupted(devices::devices(ask()?, devices, output)).await
        }
        Command::Get { did, attrs } => {
            or_interrupted(data::get(ask()?, &did, &attrs, output)).await
        }
        Command::Set { did, values } => {
            or_interrupted(data::set(ask()?, &did, &values, output)).await
        }
        Command::Raw { did, bytes } => {
            or_interrupted(data::raw(ask()?, &did, &bytes, output)).await
        }
        Command::Schema { id } => or_interrupted(schema::schema(ask()?, &id, output)).await,
        Command::Health => health::health(config.as_deref(), output),
    }
}

/// Commands that only ask have nothing to put in order when Ctrl-C ends them.
async fn or_interrupted(work: impl Future<Output = Result<(), Trouble>>) -> Result<(), Trouble> {
    tokio::select! {
        result = work => result,
        Ok(()) = tokio::signal::ctrl_c() => Err(Trouble::interrupted()),
    }
}
