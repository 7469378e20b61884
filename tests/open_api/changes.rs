//! Rows 7 to 11: what a user changes of itself.

use gizwits2mqtt::bridge::CallError;
use gizwits2mqtt::gizwits::UserChange;

use super::row::{Row, Shows, refused, step};
use super::stage::{HERE, Stage, secret};
use super::users::{
    ELEVEN_MINUTES, PHONE, TAKEN_PHONE, anonymous, is_known_as, note_text_message, register,
};

const CHANGED: &[&str] = &["updatedAt"];

async fn change(stage: &mut Stage, change: UserChange) -> Result<(), CallError> {
    let at = stage.api.change_user(HERE, &change, stage.now).await?;
    assert_eq!(at.as_deref(), Some("2027-01-15T08:00:00.000Z"));
    Ok(())
}

/// Comes as an anonymous user, which the change is made of.
async fn come_anonymously(stage: &mut Stage) {
    register(stage, anonymous("a-phone-id")).await.unwrap();
}

async fn come_as_bob(stage: &mut Stage) {
    let session = stage.log_in("bob", "bobs-password").await;
    stage.note("uid", session.uid);
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            number: "7",
            what: "an anonymous user gets a name",
            request: "PUT /app/users",
            shows: Shows::UserToken,
            client: "change_user(UserChange::Username)",
            command: "account upgrade --username --password-file",
            runs: &[
                "account login --phone-id-file phone-id",
                "account upgrade --username carol --password-file new-password",
            ],
            status: 200,
            answer: CHANGED,
            arrange: step!(|stage| come_anonymously(stage).await),
            act: step!(|stage| change(stage, with_name("carol")).await),
            check: step!(|stage| is_known_as(stage, "carol", "new-password").await),
            refusals: vec![
                refused(
                    9019,
                    "the name is taken",
                    step!(|stage| change(stage, with_name("bob")).await),
                ),
                refused(
                    9026,
                    "the user has a name",
                    step!(|stage| {
                        come_as_bob(stage).await;
                        change(stage, with_name("robert")).await
                    }),
                ),
            ],
        },
        Row {
            number: "8",
            what: "an anonymous user gets a phone number",
            request: "PUT /app/users",
            shows: Shows::UserToken,
            client: "change_user(UserChange::Phone)",
            command: "account upgrade --phone --code --password-file",
            runs: &[
                "account login --phone-id-file phone-id",
                "account upgrade --phone 13800000099 --code {code} --password-file new-password",
            ],
            status: 200,
            answer: CHANGED,
            arrange: step!(|stage| {
                note_text_message(stage, PHONE).await;
                come_anonymously(stage).await;
            }),
            act: step!(|stage| {
                let wanted = with_phone(PHONE, stage.noted("code"));
                change(stage, wanted).await
            }),
            check: step!(|stage| is_known_as(stage, PHONE, "new-password").await),
            refusals: vec![
                refused(
                    9018,
                    "the number is taken",
                    step!(|stage| change(stage, with_phone(TAKEN_PHONE, "000000")).await),
                ),
                refused(
                    9010,
                    "another code",
                    step!(|stage| change(stage, with_phone(PHONE, "wrong")).await),
                ),
                refused(
                    9009,
                    "the code is 11 minutes old",
                    step!(|stage| {
                        stage.wait(ELEVEN_MINUTES).await;
                        let wanted = with_phone(PHONE, stage.noted("code"));
                        change(stage, wanted).await
                    }),
                ),
            ],
        },
        Row {
            number: "9",
            what: "another password",
            request: "PUT /app/users",
            shows: Shows::UserToken,
            client: "change_user(UserChange::Password)",
            command: "account set-password --old-password-file --password-file",
            runs: &[
                "account set-password --old-password-file bobs-password --password-file new-password",
            ],
            status: 200,
            answer: CHANGED,
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| change(stage, with_password("bobs-password")).await),
            check: step!(|stage| {
                let old = secret("bobs-password");
                let err = stage.api.log_in(HERE, "bob", &old, stage.now).await;
                assert_eq!(err.unwrap_err().code, Some(9020), "the old one is void");
                is_known_as(stage, "bob", "new-password").await;
            }),
            refusals: vec![
                refused(
                    9020,
                    "another old password",
                    step!(|stage| change(stage, with_password("amys-password")).await),
                ),
                refused(
                    9026,
                    "the user has none",
                    step!(|stage| {
                        come_anonymously(stage).await;
                        change(stage, with_password("none")).await
                    }),
                ),
            ],
        },
        Row {
            number: "10",
            what: "another e-mail address",
            request: "PUT /app/users",
            shows: Shows::UserToken,
            client: "change_user(UserChange::Email)",
            command: "account set-email --email",
            runs: &["account set-email --email bob@example.com"],
            status: 200,
            answer: CHANGED,
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| change(stage, with_email("bob@example.com")).await),
            check: step!(|stage| is_known_as(stage, "bob@example.com", "bobs-password").await),
            refusals: vec![
                refused(
                    9022,
                    "the address is taken",
                    step!(|stage| change(stage, with_email("amy@example.com")).await),
                ),
                refused(
                    9015,
                    "it is no address",
                    step!(|stage| change(stage, with_email("bob")).await),
                ),
            ],
        },
        Row {
            number: "11",
            what: "another phone number",
            request: "PUT /app/users",
            shows: Shows::UserToken,
            client: "change_user(UserChange::PhoneNumber)",
            command: "account set-phone --phone --code",
            runs: &["account set-phone --phone 13800000099 --code {code}"],
            status: 200,
            answer: CHANGED,
            arrange: step!(|stage| {
                note_text_message(stage, PHONE).await;
                come_as_bob(stage).await;
            }),
            act: step!(|stage| {
                let wanted = with_number(PHONE, stage.noted("code"));
                change(stage, wanted).await
            }),
            check: step!(|stage| is_known_as(stage, PHONE, "bobs-password").await),
            refusals: vec![
                refused(
                    9018,
                    "the number is taken",
                    step!(|stage| change(stage, with_number(TAKEN_PHONE, "000000")).await),
                ),
                refused(
                    9010,
                    "another code",
                    step!(|stage| change(stage, with_number(PHONE, "wrong")).await),
                ),
                refused(
                    9009,
                    "the code is 11 minutes old",
                    step!(|stage| {
                        stage.wait(ELEVEN_MINUTES).await;
                        let wanted = with_number(PHONE, stage.noted("code"));
                        change(stage, wanted).await
                    }),
                ),
            ],
        },
    ]
}

fn with_name(username: &str) -> UserChange {
    UserChange::Username {
        username: username.into(),
        password: secret("new-password"),
    }
}

fn with_phone(phone: &str, code: &str) -> UserChange {
    UserChange::Phone {
        phone: phone.into(),
        password: secret("new-password"),
        code: secret(code),
    }
}

fn with_number(phone: &str, code: &str) -> UserChange {
    UserChange::PhoneNumber {
        phone: phone.into(),
        code: secret(code),
    }
}

fn with_password(old: &str) -> UserChange {
    UserChange::Password {
        old: secret(old),
        new: secret("new-password"),
    }
}

fn with_email(email: &str) -> UserChange {
    UserChange::Email {
        email: email.into(),
    }
}
