//! Chinese terms of these products in English, so that most people can read labels.
//!
//! A label is translated only as a whole: half of it would mislead. Whoever meets another term adds a line.

use super::name::sentence;

/// Longer labels are explanations.
const MAX_LABEL_CHARS: usize = 20;

/// What a label means when nothing stands beside it.
const WHOLE: &[(&str, &str)] = &[
    ("开关", "power"),
    ("开机/关机", "power"),
    ("开/关机", "power"),
    ("开关机", "power"),
    ("电源", "power"),
    ("电源开关", "power"),
    ("设备开关", "power"),
    ("总开关", "power"),
    ("灯开关", "light"),
    ("灯光开关", "light"),
    ("锁", "lock"),
    ("开关锁", "lock"),
    ("开", "on"),
    ("打开", "on"),
    ("开启", "on"),
    ("关", "off"),
    ("关闭", "off"),
    ("关机", "off"),
    ("开机", "on"),
    ("停", "stopped"),
    ("停止", "stopped"),
    ("高", "high"),
    ("中", "medium"),
    ("低", "low"),
    ("弱", "weak"),
    ("强", "strong"),
    ("快", "fast"),
    ("慢", "slow"),
    ("大", "large"),
    ("小", "small"),
    ("摄氏", "°C"),
    ("摄氏度", "°C"),
    ("华氏", "°F"),
    ("华氏度", "°F"),
    ("正常", "normal"),
    ("空载", "no load"),
    ("定时", "timer"),
    ("同步异步", "out of step"),
    ("灯", "light"),
    ("恒流造浪", "constant flow"),
    ("温度过高", "overheated"),
    ("制冷", "cool"),
    ("制热", "heat"),
    ("加热", "heating"),
    ("送风", "fan only"),
    ("除湿", "dry"),
    ("有人", "occupied"),
    ("无人", "unoccupied"),
    ("中档", "medium"),
    ("高档", "high"),
    ("低档", "low"),
    ("解冻", "frost protection"),
];

/// Terms of which labels are made; the longest that fits counts.
const TERMS: &[(&str, &str)] = &[
    // Switches and ways to work.
    ("开关", "switch"),
    ("电源", "power"),
    ("设备", "device"),
    ("模式", "mode"),
    ("工作模式", "working mode"),
    ("工作", "working"),
    ("运行", "running"),
    ("状态", "state"),
    ("自动", "automatic"),
    ("手动", "manual"),
    ("停机", "stopped"),
    ("待机", "standby"),
    ("暂停", "pause"),
    ("启动", "start"),
    ("预设", "preset"),
    ("自定义", "custom"),
    ("功能", "function"),
    ("选择", "selection"),
    ("设置", "setting"),
    ("设定", "target"),
    ("当前", "current"),
    ("当前定时", "scheduled"),
    ("当前自定义", "current custom"),
    ("目标", "target"),
    ("实际", "actual"),
    ("初始", "initial"),
    ("起始", "start"),
    ("持续", "continuous"),
    ("持续运行", "continuous running"),
    ("睡眠", "sleep"),
    ("节能", "eco"),
    ("经济", "eco"),
    ("舒适", "comfort"),
    ("强力", "boost"),
    ("静音", "quiet"),
    ("普通", "normal"),
    ("智能", "smart"),
    ("离家", "away"),
    ("假期", "holiday"),
    ("夜间", "night"),
    ("演示", "demonstration"),
    ("重置", "reset"),
    ("复位", "reset"),
    ("童锁", "child lock"),
    ("命令", "command"),
    ("执行", "run"),
    ("程序", "programme"),
    ("总", "total"),
    ("总开关", "main switch"),
    // Time.
    ("定时", "timer"),
    ("定时器", "timer"),
    ("倒计时", "countdown"),
    ("预约", "scheduled"),
    ("延时", "delay"),
    ("时间", "time"),
    ("时长", "duration"),
    ("持续时间", "duration"),
    ("时间点", "time slot"),
    ("时间段", "period"),
    ("定时段", "timer slot"),
    ("定时组", "timer group"),
    ("间隙时间", "interval"),
    ("间隔", "interval"),
    ("周期", "cycle"),
    ("天数", "days"),
    ("日期", "date"),
    ("数据", "data"),
    ("小时", "hours"),
    ("分钟", "minutes"),
    ("秒", "seconds"),
    ("剩余", "remaining"),
    ("累计", "total"),
    ("早晨", "morning"),
    ("日出", "sunrise"),
    ("白天", "day"),
    ("日落", "sunset"),
    ("夜晚", "night"),
    ("适应周期", "acclimation"),
    ("月运周期", "moon cycle"),
    ("月圆周期", "moon cycle"),
    ("月相周期", "moon cycle"),
    // Warmth, water and air.
    ("温度", "temperature"),
    ("水温", "water temperature"),
    ("室温", "room temperature"),
    ("室内", "room"),
    ("环境", "ambient"),
    ("湿度", "humidity"),
    ("回差", "hysteresis"),
    ("补偿", "offset"),
    ("上限", "maximum"),
    ("下限", "minimum"),
    ("最高", "highest"),
    ("最低", "lowest"),
    ("单位", "unit"),
    ("制冷", "cooling"),
    ("制热", "heating"),
    ("加热", "heating"),
    ("除湿", "drying"),
    ("加湿", "humidifying"),
    ("送风", "fan"),
    ("化霜", "defrosting"),
    ("除霜", "defrosting"),
    ("防冻", "frost protection"),
    ("水位", "water level"),
    ("水箱", "tank"),
    ("水泵", "pump"),
    ("水", "water"),
    ("泵", "pump"),
    ("缺水", "lack of water"),
    ("水满", "tank full"),
    ("漏水", "leak"),
    ("过滤", "filter"),
    ("滤芯", "filter"),
    ("寿命", "life"),
    ("气泡", "bubbles"),
    ("按摩", "massage"),
    ("风扇", "fan"),
    ("风机", "fan"),
    ("风速", "fan speed"),
    ("摆风", "swing"),
    ("压缩机", "compressor"),
    ("空气质量", "air quality"),
    // Aquarium.
    ("造浪", "wave"),
    ("经典造浪", "classic wave"),
    ("正弦造浪", "sine wave"),
    ("随机造浪", "random wave"),
    ("恒流造浪", "constant flow"),
    ("脉冲造浪", "pulse wave"),
    ("潮汐", "tide"),
    ("脉冲", "pulse"),
    ("脉冲潮汐", "pulse or tide"),
    ("流量", "flow"),
    ("频率", "frequency"),
    ("喂食", "feeding"),
    ("份量", "portion"),
    ("档位", "gear"),
    ("联动", "linkage"),
    ("独立", "independent"),
    ("主机", "leader"),
    ("从机", "follower"),
    ("同步从机", "follower in step"),
    ("异步从机", "follower out of step"),
    ("同步", "in step"),
    ("异步", "out of step"),
    ("通道", "channel"),
    ("校准", "calibration"),
    ("校准量", "calibration volume"),
    ("补给量", "volume"),
    ("头数量", "heads"),
    ("电机", "motor"),
    ("转速", "speed"),
    ("速度", "speed"),
    // Light.
    ("灯光", "light"),
    ("灯", "light"),
    ("亮度", "brightness"),
    ("亮度值", "brightness"),
    ("调光", "dimming"),
    ("调节", "adjustment"),
    ("色温", "colour temperature"),
    ("色温值", "colour temperature"),
    ("颜色", "colour"),
    ("红色", "red"),
    ("绿色", "green"),
    ("蓝色", "blue"),
    ("宝蓝", "royal blue"),
    ("宝蓝色", "royal blue"),
    ("紫色", "violet"),
    ("白色", "white"),
    ("黄色", "yellow"),
    ("红光", "red"),
    ("绿光", "green"),
    ("蓝光", "blue"),
    ("宝蓝光", "royal blue"),
    ("紫光", "violet"),
    ("白光", "white"),
    ("冷白", "cold white"),
    ("冷白光", "cold white"),
    ("暖白", "warm white"),
    ("暖白光", "warm white"),
    ("月光", "moonlight"),
    ("月光灯", "moonlight"),
    ("光", "light"),
    ("彩云模式", "cloud mode"),
    ("夜灯", "night light"),
    // Electricity and numbers.
    ("功率", "power"),
    ("功率值", "power"),
    ("电压", "voltage"),
    ("电流", "current"),
    ("电量", "battery"),
    ("用电量", "energy"),
    ("耗电量", "energy"),
    ("功率因数", "power factor"),
    ("信号", "signal"),
    ("强度", "strength"),
    ("版本", "version"),
    ("固件", "firmware"),
    ("数量", "number"),
    ("次数", "count"),
    ("值", "value"),
    ("量", "amount"),
    ("压力", "pressure"),
    // Troubles.
    ("故障", "fault"),
    ("报警", "alarm"),
    ("告警", "alarm"),
    ("错误", "error"),
    ("失效", "failure"),
    ("异常", "fault"),
    ("代码", "code"),
    ("过流", "overcurrent"),
    ("过压", "overvoltage"),
    ("欠压", "undervoltage"),
    ("过温", "overheated"),
    ("堵转", "blocked"),
    ("过载", "overload"),
    ("开路", "open circuit"),
    ("短路", "short circuit"),
    ("过高", "too high"),
    ("过低", "too low"),
    ("串口连接", "serial connection"),
    ("传感器", "sensor"),
    ("门", "door"),
    ("窗", "window"),
];

/// The label in English, in sentence case; `None` when a part of it is not known, or nothing of it is Chinese.
#[must_use]
pub fn translate(label: &str) -> Option<String> {
    let label = unnumbered(label.trim());
    if label.is_ascii() || label.chars().count() > MAX_LABEL_CHARS {
        return None;
    }
    if let Some((_, english)) = WHOLE.iter().find(|(chinese, _)| *chinese == label) {
        return Some(sentence(english));
    }
    let words = words(label)?;
    Some(sentence(&words.join(" ")))
}

/// `0.手动模式` → `手动模式`.
fn unnumbered(label: &str) -> &str {
    let rest = label.trim_start_matches(|c: char| c.is_ascii_digit());
    let behind = rest.trim_start_matches(['.', ':', '：', '、', '．', ' ', '-']);
    let is_number = rest.len() < label.len() && behind.len() < rest.len();
    if is_number && !behind.is_empty() {
        behind
    } else {
        label
    }
}

/// The label's terms, with what is Latin or a number as it is.
fn words(label: &str) -> Option<Vec<&str>> {
    let label = label.trim_start_matches(|c: char| c.is_whitespace() || "_-/()（）·".contains(c));
    if label.is_empty() {
        return Some(Vec::new());
    }
    let then = |first, rest: &str| {
        let behind = label.get(label.len() - rest.len()..)?;
        let mut all = vec![first];
        all.extend(words(behind)?);
        Some(all)
    };
    let behind_latin = label.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    let (latin, _) = label.split_at(label.len() - behind_latin.len());
    if !latin.is_empty() {
        return then(latin, behind_latin);
    }
    let mut fitting: Vec<_> = TERMS
        .iter()
        .filter_map(|(chinese, english)| Some((*english, label.strip_prefix(chinese)?)))
        .collect();
    fitting.sort_by_key(|(_, rest)| rest.len());
    fitting
        .into_iter()
        .find_map(|(english, rest)| then(english, rest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_label_is_translated_as_a_whole_or_not_at_all() {
        for (label, want) in [
            ("开关", Some("Power")),
            ("定时开关2", Some("Timer switch 2")),
            ("喂食时间", Some("Feeding time")),
            ("电机过流", Some("Motor overcurrent")),
            ("0.手动模式", Some("Manual mode")),
            ("1、自动", Some("Automatic")),
            ("UV光", Some("UV light")),
            ("风扇_自动模式", Some("Fan automatic mode")),
            ("摄氏", Some("°C")),
            ("温度(A)", Some("Temperature A")),
            ("原生溪流造景", None),
            ("温度麒麟", None),
            ("Auto", None),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(translate(label).as_deref(), want, "{label}");
        }
    }

    #[test]
    fn no_term_stands_twice() {
        for table in [WHOLE, TERMS] {
            let known: BTreeSet<_> = table.iter().map(|(chinese, _)| chinese).collect();
            assert_eq!(known.len(), table.len());
        }
    }
}
