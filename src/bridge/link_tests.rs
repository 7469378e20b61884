//! One connection over virtual time: each kind of trouble, and what it leads to.

use super::*;

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn did(name: &str) -> Did {
    Did::new(name).unwrap()
}

/// A link with what it ordered.
struct Scene {
    link: Link,
    next_id: u64,
    orders: Orders,
    token: bool,
}

impl Scene {
    fn new() -> Self {
        let endpoint = Endpoint {
            host: "m2m".into(),
            port: 8080,
            tls: false,
        };
        let mut scene = Self {
            link: Link::new(endpoint, s(0)),
            next_id: 0,
            orders: Vec::new(),
            token: true,
        };
        let devices = ["a", "b"].map(did).into();
        scene.link.want(devices, s(0), &mut scene.orders);
        scene
    }

    /// Opened, logged in and subscribed at `at`.
    fn up(at: u64) -> Self {
        let mut scene = Self::new();
        scene.bring_up(at);
        scene
    }

    fn bring_up(&mut self, at: u64) {
        self.tick(at);
        self.link.opened(s(at), &mut self.orders);
        self.link.logged_in(s(at), &mut self.orders);
        self.link
            .subscribed(s(at), &["a", "b"].map(did), &mut self.orders);
        assert!(self.link.reaches(&did("a")));
        self.orders.clear();
    }

    fn tick(&mut self, at: u64) -> Option<Fault> {
        let Self {
            link,
            next_id,
            orders,
            token,
        } = self;
        link.tick(s(at), (*token, &|_| false), next_id, 0.5, orders)
    }

    /// What was ordered since, in words.
    fn ordered(&mut self) -> Vec<String> {
        let orders = std::mem::take(&mut self.orders).into_iter();
        let word = |(id, order): (LinkId, SocketOrder)| {
            let text = format!("{order:?}");
            let end = text.find([' ', '(']).unwrap_or(text.len());
            format!("{id} {}", text.get(..end).unwrap_or_default())
        };
        orders.map(word).collect()
    }
}

#[test]
fn it_opens_logs_in_subscribes_and_reads_each_device() {
    let mut scene = Scene::new();
    scene.tick(0);
    scene.link.opened(s(1), &mut scene.orders);
    assert!(!scene.link.reaches(&did("a")), "not before the login");
    scene.link.logged_in(s(2), &mut scene.orders);
    assert!(
        !scene.link.reaches(&did("a")),
        "not before the subscription"
    );
    scene
        .link
        .subscribed(s(3), &["a", "x"].map(did), &mut scene.orders);
    assert!(scene.link.reaches(&did("a")));
    assert!(!scene.link.reaches(&did("b")), "it was not in the answer");
    assert!(!scene.link.reaches(&did("x")), "nobody wanted it");
    assert_eq!(
        scene.ordered(),
        ["0 Open", "0 Login", "0 Subscribe", "0 Read"]
    );
}

#[test]
fn without_a_token_or_a_device_nothing_begins() {
    let mut scene = Scene::new();
    scene.token = false;
    assert_eq!(scene.tick(100), None);
    assert_eq!(scene.link.next_deadline(false), None);
    scene.token = true;
    scene.link.want(BTreeSet::new(), s(100), &mut scene.orders);
    assert_eq!(scene.tick(100), None);
    assert_eq!(scene.ordered(), Vec::<String>::new());
}

#[test]
fn it_pings_and_a_pong_or_anything_else_proves_life() {
    let mut scene = Scene::up(0);
    assert_eq!(scene.link.next_deadline(true), Some(s(20)));
    scene.tick(20);
    assert_eq!(scene.ordered(), ["0 Ping"]);
    scene.link.heard(s(21));
    assert_eq!(scene.tick(39), None);
    scene.tick(40);
    assert_eq!(scene.link.next_deadline(true), Some(s(50)));
    assert_eq!(scene.tick(50), Some(Fault::Silent));
    assert_eq!(scene.ordered(), ["0 Ping", "0 Close"]);
    assert!(!scene.link.reaches(&did("a")));
}

#[test]
fn each_step_has_its_time() {
    let mut scene = Scene::new();
    scene.tick(0);
    assert_eq!(scene.tick(59), None);
    assert_eq!(scene.tick(60), Some(Fault::Silent), "it never opened");
    let again = scene.link.next_deadline(true).unwrap().as_secs();
    scene.tick(again);
    scene.link.opened(s(again), &mut scene.orders);
    assert_eq!(scene.tick(again + 20), Some(Fault::Silent), "no login_res");
    assert_eq!(
        scene.ordered(),
        ["0 Open", "0 Close", "1 Open", "1 Login", "1 Close"]
    );
}

#[test]
fn waits_grow_are_spread_and_start_anew_after_it_was_steady() {
    let mut scene = Scene::up(0);
    let mut wait = |chance: f64| {
        scene.link.down(s(1_000), "gone".into(), chance);
        let until = scene.link.next_deadline(true).unwrap();
        (until - s(1_000)).as_secs_f64()
    };
    assert_eq!(
        [wait(0.0), wait(1.0), wait(0.5), wait(0.0)],
        [1.5, 9.0, 12.0, 12.0]
    );
    scene.bring_up(2_000);
    scene.tick(2_010);
    scene.link.down(s(2_010), "gone".into(), 0.5);
    assert_eq!(
        scene.link.next_deadline(true),
        Some(s(2_058)),
        "it was up for a moment only"
    );
    scene.bring_up(3_000);
    scene.tick(3_300);
    scene.link.down(s(3_300), "gone".into(), 0.5);
    assert_eq!(scene.link.next_deadline(true), Some(s(3_303)));
}

#[test]
fn a_lost_session_logs_in_again_on_the_same_socket_and_then_on_another() {
    for code in [1003, 1009] {
        let mut scene = Scene::up(0);
        for _ in 0..2 {
            let fault = scene
                .link
                .invalid(s(10), (code, "m"), 0.5, &mut scene.orders);
            assert_eq!(fault, None);
            assert!(!scene.link.reaches(&did("a")));
            let again = scene
                .link
                .invalid(s(10), (1003, "m"), 0.5, &mut scene.orders);
            assert_eq!(again, None, "said before the login arrived");
            scene.link.logged_in(s(11), &mut scene.orders);
        }
        let fault = scene
            .link
            .invalid(s(12), (code, "m"), 0.5, &mut scene.orders);
        assert_eq!(fault, Some(Fault::Session), "{code}");
        let orders = scene.ordered();
        assert_eq!(
            orders,
            [
                "0 Login",
                "0 Subscribe",
                "0 Login",
                "0 Subscribe",
                "0 Close"
            ]
        );
    }
}

#[test]
fn too_late_a_heartbeat_means_another_socket_and_an_unknown_code_nothing() {
    let mut scene = Scene::up(0);
    let fault = scene
        .link
        .invalid(s(10), (1234, "m"), 0.5, &mut scene.orders);
    assert_eq!(fault, None);
    assert!(scene.link.reaches(&did("a")));
    let fault = scene
        .link
        .invalid(s(10), (1011, "m"), 0.5, &mut scene.orders);
    assert_eq!(fault, Some(Fault::Session));
}

#[test]
fn a_refused_login_tells_when_it_left() {
    let mut scene = Scene::new();
    for _ in 0..3 {
        let at = scene.link.next_deadline(true).unwrap().as_secs() + 1;
        scene.tick(at);
        scene.link.opened(s(at), &mut scene.orders);
        let refused = scene.link.refused(s(at + 5), "no", 0.5, &mut scene.orders);
        assert_eq!(refused, s(at));
    }
}

#[test]
fn a_change_that_only_a_poll_showed_is_waited_for_and_then_the_link_is_replaced() {
    for (heard, want) in [(false, Some(Fault::Missed)), (true, None)] {
        let mut scene = Scene::up(0);
        scene.link.doubt(&did("a"), s(20), s(21));
        if heard {
            scene.link.reported(&did("b"), s(22));
            assert!(!scene.link.reaches(&did("a")), "another device's report");
            scene.link.reported(&did("a"), s(22));
            assert!(scene.link.reaches(&did("a")));
        }
        assert_eq!(scene.tick(24), want);
    }
    let mut scene = Scene::up(0);
    scene.link.doubt(&did("a"), s(2), s(21));
    assert!(
        scene.link.reaches(&did("a")),
        "asked before push could have brought it"
    );
}

#[test]
fn a_doubt_costs_one_device_its_route_and_nobody_its_pace() {
    let mut scene = Scene::up(0);
    scene.link.moved = false;
    scene.link.doubt(&did("a"), s(20), s(21));
    assert!(
        !scene.link.reaches(&did("a")),
        "in doubt nothing goes there"
    );
    assert!(scene.link.reaches(&did("b")), "nobody doubts this one");
    assert!(scene.link.is_calm(&did("a")) && scene.link.is_calm(&did("b")));
    assert!(!scene.link.moved, "polls stay as they are");
    scene.link.doubt(&did("b"), s(20), s(22));
    scene.link.reported(&did("a"), s(23));
    assert!(scene.link.reaches(&did("a")) && !scene.link.reaches(&did("b")));
    assert_eq!(
        scene.tick(25),
        Some(Fault::Missed),
        "each doubt has its time"
    );
}

#[test]
fn devices_that_come_are_subscribed_and_those_that_go_are_not_reached() {
    let mut scene = Scene::up(0);
    scene
        .link
        .want(["b", "c"].map(did).into(), s(1), &mut scene.orders);
    assert!(!scene.link.reaches(&did("a")));
    assert!(scene.link.reaches(&did("b")));
    assert_eq!(
        scene.orders,
        [(LinkId(0), SocketOrder::Subscribe(vec![did("c")]))]
    );
}

#[test]
fn a_subscription_is_answered_in_time_or_the_connection_is_replaced() {
    for (answered, want) in [(false, Some(Fault::Silent)), (true, None)] {
        let mut scene = Scene::new();
        scene.tick(0);
        scene.link.opened(s(0), &mut scene.orders);
        scene.link.logged_in(s(0), &mut scene.orders);
        if answered {
            scene.link.subscribed(s(1), &[], &mut scene.orders);
        }
        assert_eq!(scene.tick(20), want);
    }
}

#[test]
fn who_was_left_out_is_told_once_and_asked_for_again() {
    let mut scene = Scene::new();
    scene.tick(0);
    scene.link.opened(s(0), &mut scene.orders);
    scene.link.logged_in(s(0), &mut scene.orders);
    scene.link.subscribed(s(1), &[did("a")], &mut scene.orders);
    let (left, foreign) = ([did("b")], [did("x")]);
    assert!(scene.link.leave_out(left.iter()));
    assert!(!scene.link.leave_out(left.iter()), "known");
    assert!(!scene.link.leave_out(foreign.iter()), "nobody wanted it");
    scene.orders.clear();
    for at in (20..=600).step_by(20) {
        scene.link.heard(s(at));
        assert_eq!(scene.tick(at), None);
    }
    scene.link.heard(s(601));
    scene.tick(601);
    let asked = |order: &(LinkId, SocketOrder)| order.1 == SocketOrder::Subscribe(vec![did("b")]);
    assert_eq!(scene.orders.iter().filter(|order| asked(order)).count(), 1);
    scene
        .link
        .subscribed(s(602), &[did("b")], &mut scene.orders);
    assert!(scene.link.reaches(&did("b")));
    assert!(scene.link.leave_out(left.iter()), "news again");
}

#[test]
fn what_a_device_never_pushes_is_held_against_one_connection_only() {
    let mut scene = Scene::up(0);
    scene.link.doubt(&did("a"), s(20), s(21));
    assert_eq!(scene.tick(24), Some(Fault::Missed));
    scene.bring_up(100);
    scene.link.doubt(&did("a"), s(120), s(121));
    assert!(scene.link.reaches(&did("a")), "it is known to be mute");
    scene.link.doubt(&did("b"), s(120), s(121));
    assert!(!scene.link.reaches(&did("b")), "another device is not");
    scene.link.reported(&did("b"), s(122));
    scene.link.doubt(&did("a"), s(3_700), s(3_700));
    assert!(!scene.link.reaches(&did("a")), "an hour later it counts");
}

#[test]
fn an_outage_is_shown_from_its_start_and_not_at_each_try() {
    let mut scene = Scene::up(0);
    let shown = |scene: &mut Scene| {
        let news = std::mem::take(&mut scene.link.news);
        (scene.link.shown().as_str(), scene.link.shown_since(), news)
    };
    assert_eq!(shown(&mut scene), ("ok", s(0), true));
    scene.link.down(s(10), "gone".into(), 0.5);
    assert_eq!(shown(&mut scene), ("down", s(10), true));
    scene.tick(100);
    scene.link.down(s(101), "gone".into(), 0.5);
    assert_eq!(shown(&mut scene), ("down", s(10), false));
    scene.tick(200);
    scene.link.down(s(201), "refused".into(), 0.5);
    assert_eq!(shown(&mut scene), ("down", s(10), true), "another reason");
}
