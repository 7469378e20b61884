//! The table of what numbers measure. Whoever knows another measure adds a line.
//!
//! The first line that fits in words, unit and range counts.

use super::rule::{Rule, Unit, fine, guess, measure, told};
use super::vocabulary::{
    DAYS, DIFFERENCE, HOURS, MINUTES, NO_TEMPERATURE, PERCENT, RUN_TIME, SECONDS, SIGNAL,
    TEMPERATURE, TIME,
};

const DURATION: &[Unit] = &[
    told("ms", &["ms$", "毫秒"]),
    told("min", MINUTES),
    told("s", SECONDS),
    told("h", HOURS),
    told("d", DAYS),
];
const DEGREES: &[Unit] = &[
    guess("°C", &["℃", "°c", "celsius"], (-60.0, 150.0), (1.0, 150.0)),
    // Up to 200 may be a sauna in °F, unless the range begins below zero (the pet house: -13 to 187).
    guess("°C", &[], (-60.0, -0.001), (1.0, 200.0)),
    told("°F", &["℉", "°f", "fahrenheit"]),
];
const WHOLE_PERCENT: &[Unit] = &[guess("%", PERCENT, (0.0, 0.0), (100.0, 100.0))];
const FROM_ZERO: (f64, f64) = (0.0, 0.0);
const ANY_SIGN: (f64, f64) = (-100_000.0, 0.0);

/// See the module.
pub(super) const RULES: &[Rule] = &[
    measure(
        "",
        &["kelvin", "色温", "color_temp*", "colour_temp*", "cct"],
        &[guess(
            "K",
            &["k", "kelvin"],
            (1_000.0, 9_000.0),
            (2_000.0, 30_000.0),
        )],
    ),
    measure(
        "ph",
        &["ph", "酸碱度"],
        &[guess("", &[], FROM_ZERO, (10.0, 14.0))],
    )
    .but(&["calib*", "num*", "mode", "max*", "min*", "offset*"]),
    measure("voltage", &["mv"], &[told("mV", &["mv"])]),
    measure(
        "voltage",
        &["orp", "redox", "氧化还原"],
        &[guess("mV", &["mv"], (-2_000.0, 0.0), (500.0, 2_000.0))],
    ),
    measure(
        "temperature_delta",
        TEMPERATURE,
        &[
            guess("°C", &["℃", "°c", "celsius"], (-60.0, 5.0), (0.1, 60.0)),
            told("°F", &["℉", "°f", "fahrenheit"]),
        ],
    )
    .needs(DIFFERENCE)
    .but(NO_TEMPERATURE),
    measure("temperature", TEMPERATURE, DEGREES)
        .but(NO_TEMPERATURE)
        .but_also(DIFFERENCE),
    measure(
        "humidity",
        &["humi*", "*humidity", "hum", "rh", "湿度"],
        &[guess("%", PERCENT, (0.0, 40.0), (60.0, 100.0))],
    )
    .but(&[
        "time*", "mode*", "switch*", "step*", "diff*", "offset*", "calib*", "回差", "校准",
    ]),
    measure(
        "battery",
        &["batt*", "*battery", "电量", "电池"],
        WHOLE_PERCENT,
    )
    .but(&[
        "volt*", "temp*", "curr*", "low", "low*", "alarm*", "电压", "用电", "耗电", "发电", "充电",
    ])
    .diagnostic(),
    measure(
        "power_factor",
        &["pf", "power_factor*", "功率因数"],
        &[
            guess("%", PERCENT, (-100.0, 0.0), (100.0, 100.0)),
            guess("", &[], (-1.0, 0.0), (1.0, 1.0)),
        ],
    )
    .shown_only(),
    measure(
        "energy",
        &[
            "energy*",
            "*energy",
            "kwh",
            "electricity*",
            "用电量",
            "耗电量",
            "发电量",
            "总电量",
            "电能",
        ],
        &[
            fine(
                "kWh",
                &["kwh", "千瓦时", "(度)", "（度）"],
                FROM_ZERO,
                (99.0, 1e9),
                0.1,
            ),
            told("Wh", &["wh"]),
        ],
    )
    .but(&["sav*", "mode*", "节能", "switch*", "price*", "level*"])
    .shown_only()
    .total(),
    measure(
        "power",
        &["power*", "*power", "watt*", "功率"],
        &[
            told("kW", &["kw", "千瓦"]),
            guess("W", &["w$", "watt*", "瓦"], ANY_SIGN, (200.0, 30_000.0)),
        ],
    )
    .but(&[
        "set*", "level*", "switch*", "on", "off", "sav*", "mode*", "factor*", "cnt", "count*",
        "data*", "time*", "timer*", "temp*", "limit*", "color*", "colour*", "fail*", "state*",
        "status*", "档",
    ])
    .shown_only(),
    measure(
        "voltage",
        &["volt*", "*voltage", "电压"],
        &[
            told("mV", &["mv"]),
            guess("V", &["v$"], ANY_SIGN, (3.0, 1_000.0)),
        ],
    )
    .but(&["over*", "under*", "过压", "欠压", "mode*"])
    .shown_only(),
    measure(
        "current",
        &[
            "current$",
            "current_ma",
            "current_a",
            "amp",
            "amps",
            "ampere*",
            "电流",
        ],
        &[
            told("mA", &["ma"]),
            fine("A", &["a$"], ANY_SIGN, (1.0, 200.0), 0.1),
        ],
    )
    .but(&[
        "mode*",
        "temp*",
        "speed*",
        "level*",
        "time*",
        "state*",
        "status*",
        "gear*",
        "position*",
        "flow*",
        "humi*",
        "over*",
        "step*",
        "program*",
        "过流",
    ])
    .shown_only(),
    measure(
        "frequency",
        &["freq*", "*frequency", "频率"],
        &[guess("Hz", &["hz", "赫兹"], FROM_ZERO, (50.0, 400.0))],
    )
    .but(&["wav*", "pulse*", "造浪", "auto*"])
    .shown_only(),
    measure(
        "pressure",
        &["press", "pressure*", "*pressure", "压力", "气压", "压强"],
        &[
            told("kPa", &["kpa", "千帕"]),
            told("hPa", &["hpa"]),
            told("Pa", &["pa$"]),
            told("bar", &["bar"]),
            told("psi", &["psi"]),
        ],
    ),
    measure(
        "volume_flow_rate",
        &["flow*", "*flow", "流量", "流速"],
        &[
            told("m³/h", &["m³/h", "m3/h", "立方米/小时", "立方/小时"]),
            told("L/min", &["l/min", "lpm", "升/分"]),
            told("L/h", &["l/h", "升/小时", "升/时"]),
        ],
    ),
    measure(
        "water",
        &[
            "water_consum*",
            "water_total",
            "water_usage",
            "用水量",
            "总水量",
            "累计水量",
        ],
        &[
            told("L", &["l$", "liter*", "litre*", "升"]),
            told("m³", &["m³", "m3", "立方米"]),
        ],
    )
    .shown_only()
    .total(),
    measure(
        "",
        &[
            "water_level*",
            "liquid_level*",
            "level_water",
            "waterlevel",
            "水位",
            "液位",
        ],
        WHOLE_PERCENT,
    ),
    measure(
        "carbon_dioxide",
        &["co2", "二氧化碳"],
        &[guess("ppm", &["ppm"], (0.0, 400.0), (1_000.0, 20_000.0))],
    )
    .shown_only(),
    measure(
        "pm25",
        &["pm25", "pm2_5", "pm2.5"],
        &[guess(
            "μg/m³",
            &["μg/m³", "ug/m3"],
            FROM_ZERO,
            (100.0, 2_000.0),
        )],
    )
    .shown_only(),
    measure(
        "pm10",
        &["pm10"],
        &[guess(
            "μg/m³",
            &["μg/m³", "ug/m3"],
            FROM_ZERO,
            (100.0, 2_000.0),
        )],
    )
    .shown_only(),
    measure(
        "",
        &["tds"],
        &[guess("ppm", &["ppm"], FROM_ZERO, (500.0, 10_000.0))],
    )
    .shown_only(),
    measure(
        "conductivity",
        &["ec", "conductiv*", "电导率"],
        &[
            told("mS/cm", &["ms/cm"]),
            told("μS/cm", &["μs/cm", "us/cm"]),
        ],
    ),
    measure(
        "illuminance",
        &["lux", "illumin*", "照度", "光照"],
        &[told("lx", &["lux", "lx", "勒克斯"])],
    ),
    measure(
        "",
        &[
            "filter_life*",
            "filter_remain*",
            "filter_left",
            "filter_percent*",
            "滤芯",
            "滤网",
        ],
        WHOLE_PERCENT,
    )
    .shown_only()
    .diagnostic(),
    measure(
        "signal_strength",
        SIGNAL,
        &[guess("dBm", &["dbm"], (-150.0, -20.0), (-50.0, 0.0))],
    )
    .diagnostic(),
    measure("", SIGNAL, WHOLE_PERCENT).diagnostic(),
    measure("duration", RUN_TIME, DURATION)
        .shown_only()
        .total()
        .diagnostic(),
    measure("duration", TIME, DURATION).but(&["temp*", "color*", "speed*", "week*", "clock*"]),
    measure(
        "weight",
        &["weight*", "重量", "体重"],
        &[
            told("kg", &["kg", "公斤", "千克"]),
            told("g", &["g$", "克"]),
        ],
    ),
    measure(
        "",
        &["speed*", "*speed", "rpm", "转速"],
        &[told("rpm", &["rpm", "r/min", "转/分"])],
    ),
    // What says itself that it is a share of something.
    measure(
        "",
        &["*"],
        &[told("%", PERCENT).within((0.0, 50.0), (100.0, 100.0))],
    ),
];
