//! The health checks of a running bridge, and the file that says where they answer.

use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::Web;
use crate::store::AddressFile;
use crate::web::{self, Server, WebError};

/// Serves as the configuration says, also after a reload.
#[derive(Debug)]
pub struct HealthChecks {
    /// The address that was asked for, with what listens there; `None`: no web server.
    server: Option<(std::net::SocketAddr, Server)>,
    not_ready: watch::Receiver<Option<String>>,
    /// `None` where nobody looks for it.
    file: Option<AddressFile>,
}

/// A server that listens already and is not yet in use.
#[derive(Debug)]
pub struct Change {
    web: Option<Web>,
    new: Option<Server>,
}

impl HealthChecks {
    /// Nothing listens yet.
    #[must_use]
    pub const fn new(
        not_ready: watch::Receiver<Option<String>>,
        file: Option<AddressFile>,
    ) -> Self {
        Self {
            server: None,
            not_ready,
            file,
        }
    }

    /// Does what may fail of a change: listens at the new address.
    ///
    /// # Errors
    /// [`WebError`]; what serves now goes on.
    pub async fn prepare(&self, web: Option<&Web>) -> Result<Change, WebError> {
        let listens = |web: &Web| {
            let server = self.server.as_ref();
            server.is_some_and(|(asked, _)| *asked == web.listen)
        };
        let new = match web.filter(|web| !listens(web)) {
            Some(web) => {
                let not_ready = self.not_ready.clone();
                Some(web::serve(web.listen, web.token.clone(), not_ready).await?)
            }
            None => None,
        };
        let web = web.cloned();
        Ok(Change { web, new })
    }

    /// Does the rest of it, which does not fail.
    pub fn take(&mut self, change: Change) {
        let Change { web, new } = change;
        match (web, new) {
            (None, _) => self.stop(),
            (Some(web), None) => {
                if let Some((_, server)) = &self.server {
                    server.set_token(web.token);
                }
            }
            (Some(web), Some(server)) => {
                info!(listen = %server.address, "answering health checks");
                if let Some(file) = &self.file
                    && let Err(err) = file.write(server.address)
                {
                    warn!(%err, "the command health must read the configuration to find this bridge");
                }
                self.server = Some((web.listen, server));
            }
        }
    }

    /// Listens no more.
    pub fn stop(&mut self) {
        if self.server.take().is_some()
            && let Some(file) = &self.file
        {
            file.remove();
        }
    }
}
