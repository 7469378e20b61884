//! The cloud edge against the simulated cloud, and against servers that answer oddly.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gizwits2mqtt::bridge::{CallError, CloudCall, ErrorClass, Reply};
use gizwits2mqtt::gizwits::{Access, Api, LoginAs, Session};
use gizwits2mqtt::ids::{AttrName, Did, ProductKey};
use gizwits2mqtt::model::{AttrValue, Attrs, Region};
use gizwits2mqtt::secret::Secret;
use gizwits2mqtt::simulator::{self, Scenario, Simulator, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const NOW: i64 = 1_800_000_000;
const SPA: &str = "DemoSpa0000000000000001";

async fn cloud() -> Simulator {
    let listen = "127.0.0.1:0".parse().unwrap();
    let clock = Arc::new(|| NOW * 1000);
    simulator::start(listen, Scenario::standard(), 1, clock)
        .await
        .unwrap()
}

fn api(url: &str, app_id: &str, password: &str) -> Api {
    Api::new(Access {
        app_id: app_id.into(),
        urls: BTreeMap::from([(Region::Custom, url.to_owned())]),
        login: Some(LoginAs::User {
            username: "demo@example.com".into(),
            password: Secret::new(password.into()),
        }),
    })
    .unwrap()
}

fn good_api(simulator: &Simulator) -> Api {
    api(
        &format!("http://{}", simulator.addr()),
        "demo-app-id",
        "demo-password",
    )
}

async fn call(api: &Api, call: CloudCall) -> Result<Reply, CallError> {
    api.perform(Region::Custom, call, NOW).await
}

fn did() -> Did {
    Did::new(SPA).unwrap()
}

fn latest() -> CloudCall {
    CloudCall::Latest { did: did() }
}

fn control(name: &str, value: AttrValue) -> CloudCall {
    CloudCall::Control {
        did: did(),
        attrs: Attrs::from_iter([(AttrName::new(name).unwrap(), value)]),
    }
}

fn tell(simulator: &Simulator, path: &str, body: &Value) {
    let request = simulator::Request {
        method: "POST".into(),
        path: format!("/_sim/{path}"),
        body: body.to_string().into_bytes(),
        ..simulator::Request::default()
    };
    simulator.with_world(|world: &mut World| world.handle(NOW * 1000, &request));
}

#[tokio::test]
async fn every_call_is_answered_as_documented() {
    let simulator = cloud().await;
    let api = good_api(&simulator);
    let error = call(&api, latest()).await.unwrap_err();
    assert_eq!(
        error.class,
        ErrorClass::TokenLost,
        "before the first login there is none"
    );
    let Ok(Reply::LoggedIn { uid, expires_at }) = call(&api, CloudCall::Login).await else {
        panic!("not logged in");
    };
    assert_eq!(
        (uid.as_str(), expires_at),
        ("uid-demo@example.com", NOW + 180 * 86_400)
    );
    let page = call(&api, CloudCall::Bindings { skip: 2, limit: 3 }).await;
    let Ok(Reply::Bindings {
        devices,
        rows,
        unreadable,
    }) = page
    else {
        panic!("{page:?}");
    };
    assert_eq!((devices.len(), rows, unreadable.len()), (3, 3, 0));
    let product_key = ProductKey::new("5a1a9d1de0f54a4e8b9f7b1c62d0a001").unwrap();
    let answer = call(&api, CloudCall::Schema { product_key }).await;
    let Ok(Reply::Schema {
        schema, left_out, ..
    }) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (
            schema.name.as_str(),
            schema.datapoints().len(),
            left_out.len()
        ),
        ("Airjet", 13, 0)
    );
    let answer = call(&api, latest()).await;
    let Ok(Reply::Latest { updated_at, attrs }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (updated_at, &attrs["temp_set"], &attrs["power"]),
        (NOW, &json!(38), &json!(1))
    );
    assert_eq!(
        call(&api, control("temp_set", AttrValue::Number(30.0))).await,
        Ok(Reply::Done)
    );
    let raw = CloudCall::Raw {
        did: did(),
        bytes: vec![1, 255],
    };
    assert_eq!(call(&api, raw).await, Ok(Reply::Done));
    let bodies: Vec<Value> = simulator.with_world(|world| {
        world
            .requests()
            .iter()
            .filter_map(|call| call.get("body").cloned())
            .collect()
    });
    assert_eq!(
        bodies,
        [
            json!({ "attrs": { "temp_set": 30 } }),
            json!({ "raw": [1, 255] })
        ]
    );
}

#[tokio::test]
async fn every_refusal_finds_its_class() {
    let simulator = cloud().await;
    let url = format!("http://{}", simulator.addr());
    let class = async |api: &Api, wanted| {
        let error = call(api, wanted).await.unwrap_err();
        (error.class, error.code)
    };
    let wrong = api(&url, "another-app", "demo-password");
    assert_eq!(
        class(&wrong, CloudCall::Login).await,
        (ErrorClass::Fatal, Some(9003))
    );
    let wrong = api(&url, "demo-app-id", "wrong");
    assert_eq!(
        class(&wrong, CloudCall::Login).await,
        (ErrorClass::LoginRefused, Some(9020))
    );
    let good = good_api(&simulator);
    let foreign = Session {
        uid: "u".into(),
        token: Secret::new("x".into()),
        expires_at: NOW,
    };
    good.restore(Region::Custom, foreign);
    let bindings = CloudCall::Bindings { skip: 0, limit: 20 };
    assert_eq!(
        class(&good, bindings.clone()).await,
        (ErrorClass::TokenLost, Some(9004))
    );
    call(&good, CloudCall::Login).await.unwrap();
    tell(&simulator, "tokens/expire", &Value::Null);
    assert_eq!(
        class(&good, bindings).await,
        (ErrorClass::TokenLost, Some(9006))
    );
    call(&good, CloudCall::Login).await.unwrap();
    let bad = control("temp_now", AttrValue::Number(1.0));
    let error = call(&good, bad).await.unwrap_err();
    assert_eq!((error.class, error.code), (ErrorClass::Refused, Some(9025)));
    assert!(
        error.message.contains("attr temp_now invalid or read only"),
        "{error}"
    );
    let nobody = CloudCall::Latest {
        did: Did::new("nobody/..").unwrap(),
    };
    assert_eq!(
        class(&good, nobody).await.1,
        Some(9014),
        "an id stays one segment of the path"
    );
    tell(
        &simulator,
        &format!("devices/{SPA}/online"),
        &json!({ "online": false }),
    );
    let set = control("power", AttrValue::Bool(true));
    assert_eq!(
        class(&good, set).await,
        (ErrorClass::DeviceOffline, Some(9042))
    );
    tell(
        &simulator,
        "throttle",
        &json!({ "seconds": 5, "retry_after": 7 }),
    );
    let error = call(&good, latest()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Throttled);
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn faults_on_the_way_are_transient_or_unsent() {
    let simulator = cloud().await;
    let api = good_api(&simulator);
    call(&api, CloudCall::Login).await.unwrap();
    for (fault, want) in [
        (json!({ "kind": "http_502" }), "HTTP status 502"),
        (json!({ "kind": "html" }), "a web page"),
        (json!({ "kind": "reset" }), "broke"),
        (json!({ "kind": "error", "code": 9008 }), "9008"),
        (
            json!({ "kind": "error", "code": 9008, "status": 200 }),
            "9008",
        ),
    ] {
        tell(&simulator, "faults", &fault);
        let error = call(&api, latest()).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient, "{fault}: {error}");
        assert!(error.message.contains(want), "{fault}: {error}");
    }
    call(&api, latest()).await.unwrap();
    let addr = simulator.addr();
    drop(simulator);
    // Until its port is closed, it may still answer.
    let error = loop {
        if std::net::TcpStream::connect(addr).is_err() {
            break call(&api, latest()).await.unwrap_err();
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(error.class, ErrorClass::Unsent), "{error}");
    assert!(error.message.contains("cannot connect"), "{error}");
}

/// A server that reads one request and says this.
async fn odd_server(answer: &'static [u8]) -> Api {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
        }
    });
    let api = api(&url, "demo-app-id", "demo-password");
    let session = Session {
        uid: "u".into(),
        token: Secret::new("t".into()),
        expires_at: NOW,
    };
    api.restore(Region::Custom, session);
    api
}

#[tokio::test]
async fn odd_answers_are_understood_or_refused_but_never_believed() {
    for (answer, want) in [
        // Seen: JSON labelled as HTML, `attrs` for `attr`, an empty `attr`.
        (&b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 36\r\n\r\n{\"updated_at\": 5, \"attrs\": {\"a\": 1}}"[..], Ok((5, 1))),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"updated_at\": 0, \"attr\": {}}", Ok((0, 0))),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Err(ErrorClass::Transient)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"updated", Err(ErrorClass::Transient)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\xfd\xfc", Err(ErrorClass::Transient)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"attr\": [1]", Err(ErrorClass::Transient)),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Err(ErrorClass::Transient)),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", Err(ErrorClass::Transient)),
        (b"not HTTP at all\r\n\r\n", Err(ErrorClass::Transient)),
    ] {
        let api = odd_server(answer).await;
        let got = match call(&api, latest()).await {
            Ok(Reply::Latest { updated_at, attrs }) => Ok((updated_at, attrs.len())),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.class),
        };
        assert_eq!(got, want, "{}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn an_empty_answer_to_a_command_says_that_it_was_taken() {
    for answer in [
        &b"HTTP/1.1 204 No Content\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ] {
        let api = odd_server(answer).await;
        let set = control("power", AttrValue::Bool(true));
        assert_eq!(call(&api, set).await, Ok(Reply::Done));
    }
    let page = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>";
    let api = odd_server(page).await;
    assert!(
        call(&api, control("power", AttrValue::Bool(true)))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_cloud_may_do_without_the_calls_beyond_the_document() {
    for answer in [
        &b"HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\n\r\n<html>no</html>"[..],
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 24\r\n\r\n{\"detail\": \"Not found.\"}",
        b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 20\r\n\r\n{\"error_code\": 9039}",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 20\r\n\r\n{\"error_code\": 9045}",
    ] {
        let shown = String::from_utf8_lossy(answer);
        let api = odd_server(answer).await;
        let error = api.profile(Region::Custom, NOW).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Refused, "{shown}");
        assert!(error.message.contains("does not offer it"), "{error}");
        let left = api.log_out(Region::Custom, NOW).await;
        assert_eq!(left, Ok(()), "the token is forgotten all the same: {shown}");
        assert_eq!(api.session(Region::Custom), None);
    }
    let failing = odd_server(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
    assert!(failing.log_out(Region::Custom, NOW).await.is_err());
    assert!(failing.session(Region::Custom).is_some());
}

#[tokio::test]
async fn a_server_may_say_how_long_to_wait_in_several_ways() {
    // NOW is Fri, 15 Jan 2027 08:00:00 GMT.
    for (header, want) in [
        (&b"Retry-After: 120"[..], Some(120)),
        (b"Retry-After: Fri, 15 Jan 2027 08:01:30 GMT", Some(90)),
        (b"Retry-After: Fri, 15 Jan 2027 07:00:00 GMT", None),
        // A clock of ours that is hours off makes no difference: the server's counts.
        (
            b"Date: Fri, 15 Jan 2027 05:00:00 GMT\r\nRetry-After: Fri, 15 Jan 2027 05:01:30 GMT",
            Some(90),
        ),
        (
            b"Date: Fri, 15 Jan 2027 11:00:00 GMT\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1800010860",
            Some(60),
        ),
        (b"Retry-After: -5", None),
        (b"Retry-After: soon", None),
        (b"Retry-After: 9223372036854775807", Some(24 * 3600)),
        (
            b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1800000060",
            Some(60),
        ),
        (
            b"X-RateLimit-Remaining: 7\r\nX-RateLimit-Reset: 1800000060",
            None,
        ),
        (
            b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: -9223372036854775808",
            None,
        ),
    ] {
        let (head, tail) = (
            &b"HTTP/1.1 429 Too Many Requests\r\n"[..],
            b"\r\nContent-Length: 0\r\n\r\n",
        );
        let answer = [head, header, tail].concat().leak();
        let error = call(&odd_server(answer).await, latest()).await.unwrap_err();
        let got = (error.class, error.retry_after.map(|wait| wait.as_secs()));
        let shown = String::from_utf8_lossy(header);
        assert_eq!(got, (ErrorClass::Throttled, want), "{shown}");
    }
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_replaced_by_a_login() {
    let api = odd_server(b"").await;
    let damaged = Session {
        uid: "u".into(),
        token: Secret::new("to\nken".into()),
        expires_at: NOW,
    };
    api.restore(Region::Custom, damaged);
    let error = call(&api, latest()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::TokenLost, "{error}");
    assert!(!error.message.contains("ken\""), "{error}");
}

fn json_answer(body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body.as_bytes()].concat()
}

#[tokio::test]
async fn an_answer_of_a_hundred_times_its_size_in_memory_is_refused() {
    // The text fits, and 35,000 maps of several hundred bytes each do not.
    let wide = format!(
        r#"{{"did":"{SPA}","attr":{{}},"x":[{}0]}}"#,
        r#"{"":0},"#.repeat(35_000)
    );
    let api = odd_server(json_answer(&wide).leak()).await;
    let error = call(&api, latest()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient, "{error}");
    assert!(error.message.contains("far more values"), "{error}");
}

#[tokio::test]
async fn only_a_schema_may_be_longer_than_256_kib() {
    let schema = || CloudCall::Schema {
        product_key: ProductKey::new("pk").unwrap(),
    };
    let long = " ".repeat(300 * 1024) + r#"{"name":"x","entities":[{"attrs":[]}]}"#;
    for (made, is_taken) in [
        (schema(), true),
        (latest(), false),
        (CloudCall::Login, false),
    ] {
        let api = odd_server(json_answer(&long).leak()).await;
        let answer = call(&api, made.clone()).await;
        let is_too_long =
            matches!(&answer, Err(err) if err.message.contains("larger than 256 KiB"));
        assert_eq!(!is_too_long, is_taken, "{made:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let block = vec![b' '; 64 * 1024];
        while stream.write_all(&block).await.is_ok() {}
    });
    let api = api(&url, "demo-app-id", "demo-password");
    let error = call(&api, CloudCall::Login).await.unwrap_err();
    assert!(error.message.contains("larger than"), "{error}");
}

#[tokio::test]
async fn an_anonymous_user_is_registered() {
    let simulator = cloud().await;
    let api = Api::new(Access {
        app_id: "demo-app-id".into(),
        urls: BTreeMap::from([(Region::Custom, format!("http://{}/", simulator.addr()))]),
        login: Some(LoginAs::Anonymous {
            phone_id: Secret::new("demo-phone-id".into()),
        }),
    })
    .unwrap();
    let answer = call(&api, CloudCall::Login).await;
    assert!(matches!(answer, Ok(Reply::LoggedIn { .. })), "{answer:?}");
}
