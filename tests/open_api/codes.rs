//! The document's error table, and what the client makes of each code.

use gizwits2mqtt::bridge::ErrorClass;
use gizwits2mqtt::gizwits::Cure;

use ErrorClass as C;

/// One documented code.
pub(super) struct Code {
    pub(super) number: u16,
    /// HTTP status; the document gives none for the last.
    pub(super) status: u16,
    /// The document's words, as far as the cloud sends them.
    pub(super) words: &'static str,
    /// The client's variant.
    pub(super) variant: &'static str,
    pub(super) class: ErrorClass,
    pub(super) cure: Cure,
}

const fn code(
    number: u16,
    status: u16,
    words: &'static str,
    variant: &'static str,
    class: ErrorClass,
    cure: Cure,
) -> Code {
    Code {
        number,
        status,
        words,
        variant,
        class,
        cure,
    }
}

#[rustfmt::skip]
pub(super) const TABLE: [Code; 46] = [
    code(9001, 400, "mac already registered", "MacRegistered", C::Refused, Cure::Nothing),
    code(9002, 400, "product_key invalid", "ProductKeyInvalid", C::Refused, Cure::Nothing),
    code(9003, 400, "appid invalid", "AppIdInvalid", C::Fatal, Cure::Nothing),
    code(9004, 400, "token invalid", "TokenInvalid", C::TokenLost, Cure::Login),
    code(9005, 400, "user not exist", "UserNotFound", C::LoginRefused, Cure::Nothing),
    code(9006, 400, "token expired", "TokenExpired", C::TokenLost, Cure::Login),
    code(9007, 400, "m2m_id invalid", "M2mIdInvalid", C::Refused, Cure::Nothing),
    code(9008, 500, "server error", "ServerError", C::Transient, Cure::Retry),
    code(9009, 400, "code expired", "CodeExpired", C::Refused, Cure::Nothing),
    code(9010, 400, "code invalid", "CodeInvalid", C::Refused, Cure::Nothing),
    code(9011, 400, "sandbox scale quota exhausted", "SandboxQuotaUsedUp", C::Refused, Cure::Nothing),
    code(9012, 400, "production scale quota exhausted", "ProductionQuotaUsedUp", C::Refused, Cure::Nothing),
    code(9013, 400, "product has no request scale", "NoQuota", C::Refused, Cure::Nothing),
    code(9014, 404, "device not found", "DeviceNotFound", C::DeviceGone, Cure::Nothing),
    code(9015, 400, "form invalid", "FormInvalid", C::Refused, Cure::Nothing),
    code(9016, 400, "did or passcode invalid", "PasscodeInvalid", C::DeviceGone, Cure::Nothing),
    code(9017, 401, "device not bound", "DeviceNotBound", C::DeviceGone, Cure::Nothing),
    code(9018, 400, "phone unavailable", "PhoneUnavailable", C::Refused, Cure::Nothing),
    code(9019, 400, "username unavailable", "UsernameUnavailable", C::Refused, Cure::Nothing),
    code(9020, 400, "username or password error", "PasswordWrong", C::LoginRefused, Cure::Nothing),
    code(9021, 400, "send command failed", "CommandNotSent", C::DeviceOffline, Cure::Nothing),
    code(9022, 400, "email unavailable", "EmailUnavailable", C::Refused, Cure::Nothing),
    code(9023, 400, "device is disabled", "DeviceDisabled", C::Refused, Cure::Nothing),
    code(9024, 400, "fail to notify m2m", "M2mNotNotified", C::Transient, Cure::Retry),
    code(9025, 400, "attr invalid", "AttrInvalid", C::Refused, Cure::Nothing),
    code(9026, 400, "user invalid", "UserInvalid", C::LoginRefused, Cure::Nothing),
    code(9027, 404, "firmware not found", "FirmwareNotFound", C::Refused, Cure::Nothing),
    code(9028, 404, "JD product info not found", "JdProductNotFound", C::Refused, Cure::Nothing),
    code(9029, 400, "datapoint data not found", "NoDataStored", C::Refused, Cure::Nothing),
    code(9030, 404, "scheduler not found", "ScheduleNotFound", C::Refused, Cure::Nothing),
    code(9031, 400, "qq oauth key invalid", "QqKeyInvalid", C::Refused, Cure::Nothing),
    code(9032, 400, "ota upgrade service OK, but in idle or disable", "OtaIdle", C::Refused, Cure::Nothing),
    code(9033, 400, "bt firmware unverified, except verify device", "BluetoothUnverified", C::Refused, Cure::Nothing),
    code(9034, 404, "bt firmware is OK, but nothing to upgrade", "BluetoothUpToDate", C::Refused, Cure::Nothing),
    code(9035, 500, "Save kairosdb error", "StorageFailed", C::Transient, Cure::Retry),
    code(9036, 400, "event not defined", "EventNotDefined", C::Refused, Cure::Nothing),
    code(9037, 400, "send sms failed", "SmsFailed", C::Refused, Cure::Nothing),
    code(9038, 400, "X-Gizwits-Application-Auth invalid", "AppAuthInvalid", C::Refused, Cure::Nothing),
    code(9039, 403, "Not allowed to call deprecated API", "Deprecated", C::Refused, Cure::Nothing),
    code(9040, 400, "bad qrcode content", "QrContentInvalid", C::Refused, Cure::Nothing),
    code(9041, 429, "request was throttled", "Throttled", C::Throttled, Cure::Pause),
    code(9042, 400, "device offline", "DeviceOffline", C::DeviceOffline, Cure::Nothing),
    code(9043, 400, "X-Gizwits-Timestamp invalid", "TimestampInvalid", C::Refused, Cure::Nothing),
    code(9044, 400, "X-Gizwits-Signature invalid", "SignatureInvalid", C::Refused, Cure::Nothing),
    code(9045, 400, "API deprecated", "ApiGone", C::Fatal, Cure::Nothing),
    code(9999, 400, "reserved", "Reserved", C::Refused, Cure::Nothing),
];
