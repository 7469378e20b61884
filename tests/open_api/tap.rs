//! Between client and simulator: passes everything on, and keeps what was asked and answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::raw_http::RawMessage;

/// A request and its answer.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) status: u16,
    /// `Null` where the answer is no JSON, or nothing.
    pub(super) answer: Value,
}

pub(super) struct Tap {
    pub(super) url: String,
    heard: Arc<Mutex<Vec<Exchange>>>,
    hides_dates: Arc<AtomicBool>,
}

impl Tap {
    pub(super) async fn before(cloud: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<Exchange>>>::default();
        let hides_dates = Arc::<AtomicBool>::default();
        let (keep, hides) = (Arc::clone(&heard), Arc::clone(&hides_dates));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (keep, hides) = (Arc::clone(&keep), Arc::clone(&hides));
                tokio::spawn(async move { pass(client, cloud, &keep, &hides).await });
            }
        });
        Self {
            url,
            heard,
            hides_dates,
        }
    }

    /// From now on the client cannot learn the cloud's clock.
    pub(super) fn hide_dates(&self) {
        self.hides_dates.store(true, Ordering::SeqCst);
    }

    /// Everything so far, oldest first.
    pub(super) fn heard(&self) -> Vec<Exchange> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn forget(&self) {
        self.heard.lock().unwrap().clear();
    }
}

/// One connection of the client, until either end hangs up.
async fn pass(
    mut client: TcpStream,
    cloud: SocketAddr,
    heard: &Mutex<Vec<Exchange>>,
    hides_dates: &AtomicBool,
) -> Option<()> {
    let mut cloud = TcpStream::connect(cloud).await.ok()?;
    loop {
        let request = RawMessage::read(&mut client).await?;
        request.write(&mut cloud).await.ok()?;
        let mut answer = RawMessage::read(&mut cloud).await?;
        heard.lock().unwrap().push(exchange(&request, &answer)?);
        if hides_dates.load(Ordering::SeqCst) {
            answer.head = answer
                .head
                .replace("\r\ndate:", "\r\nx-date:")
                .replace("\r\nDate:", "\r\nx-date:");
        }
        answer.write(&mut client).await.ok()?;
    }
}

fn exchange(request: &RawMessage, answer: &RawMessage) -> Option<Exchange> {
    let mut asked = request.head.split(' ');
    let method = asked.next()?.to_owned();
    let path = asked.next()?.split('?').next()?.to_owned();
    let status = answer.head.split(' ').nth(1)?.parse().ok()?;
    let answer = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    Some(Exchange {
        method,
        path,
        status,
        answer,
    })
}
