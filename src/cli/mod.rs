//! Layer 6: the command line. Puts the parts together, prints, and chooses the exit code.

mod account;
mod args;
mod ask;
mod check;
mod client;
mod data;
mod demo;
mod devices;
mod enter;
mod errors;
mod generate;
mod health;
mod logging;
mod output;
mod profile;
mod progress;
mod prompt;
mod run;
mod schedules;
mod schema;
mod setup;
mod simulate;
mod terminal;
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
    let output = Output::new(args.json, args.verbose > 0);
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
    let config = config.as_deref();
    let ask = || ask::Ask::load(config, verbosity, output);
    match command {
        Command::Run => run::run(config, verbosity).await,
        Command::Demo(demo) => demo::demo(demo, verbosity, output).await,
        Command::Simulate(simulate) => simulate::simulate(simulate, verbosity, output).await,
        Command::Setup(args) => work(setup::setup(config, args, verbosity, output), output).await,
        Command::Check { online } => {
            work(check::check(config, online, verbosity, output), output).await
        }
        Command::Account(args) => {
            work(account::account(config, args, verbosity, output), output).await
        }
        Command::Devices(devices) => work(devices::devices(ask()?, devices, output), output).await,
        Command::Get { did, attrs } => work(data::get(ask()?, &did, &attrs, output), output).await,
        Command::Set { did, values } => {
            work(data::set(ask()?, &did, &values, output), output).await
        }
        Command::Raw { did, bytes } => work(data::raw(ask()?, &did, &bytes, output), output).await,
        Command::Schema { id } => work(schema::schema(ask()?, &id, output), output).await,
        Command::Profile(command) => profile::profile(config, command, output),
        Command::Schedules(command) => {
            work(schedules::schedules(ask()?, command, output), output).await
        }
        Command::Errors(args) => {
            work(errors::errors(config, args, verbosity, output), output).await
        }
        Command::Completions { shell } => generate::completions(shell, output),
        Command::Man { out } => generate::man(out, output),
        Command::Health(args) => health::health(config, &args, output),
    }
}

/// Commands that only ask have nothing to put in order when Ctrl-C ends them. What takes long they
/// say.
async fn work(
    work: impl Future<Output = Result<(), Trouble>>,
    output: &Output,
) -> Result<(), Trouble> {
    tokio::select! {
        result = output.progress.during(work) => result,
        Ok(()) = tokio::signal::ctrl_c() => Err(Trouble::interrupted()),
    }
}
