//! Elementary functions that give the same bits on every machine, and that a compiler can vectorize; the C library's `exp`
//! and `log` offer neither. Fits spend most of their time in them.

/// The Taylor coefficients of e^x at 0.
const TAYLOR: [f64; 14] = [
    1.0,
    1.0,
    0.5,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// e^x, to about one part in 10^15, for |x| up to 700. Larger |x| gives the value at ±700.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    // x = k·ln 2 + r with |r| ≤ ln 2 / 2; adding 1.5·2^52 rounds to a whole number and leaves it in the low bits.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + MAGIC;
    let k = shifted - MAGIC;
    let r = x - k * LN2_HIGH - k * LN2_LOW;
    // Taylor's series: for such r, the first term left out is below 2^-53. Summing in pairs (Estrin's scheme) has shorter
    // chains of dependent operations than summing term by term.
    let pair = |at: usize| TAYLOR[at] + TAYLOR[at + 1] * r;
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = (pair(0) + pair(2) * r2) + (pair(4) + pair(6) * r2) * r4;
    let high = (pair(8) + pair(10) * r2) + pair(12) * r4;
    let sum = low + high * (r4 * r4);
    let power = f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52);
    sum * power
}

/// ln x for a positive, normal x, to about one part in 10^15.
#[inline]
pub(crate) fn ln(x: f64) -> f64 {
    // x = 2^k·m with m in [√½, √2), and ln m = 2·artanh((m − 1)/(m + 1)).
    const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
    let offset = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let k = (offset as i64) >> 52;
    let m = f64::from_bits((offset & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF_BITS));
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let pair = |odd: f64| 1.0 / odd + 1.0 / (odd + 2.0) * s2;
    let s4 = s2 * s2;
    let s8 = s4 * s4;
    let low = (pair(3.0) + pair(7.0) * s4) + (pair(11.0) + pair(15.0) * s4) * s8;
    let sum = low + pair(19.0) * (s8 * s8);
    k as f64 * std::f64::consts::LN_2 + 2.0 * (s + s * s2 * sum)
}

/// The number rounded to four decimals, the precision of a fit (see `irt/report.rs`); never −0.
#[inline]
pub(crate) fn reported(value: f64) -> f64 {
    (value * 1e4).round() / 1e4 + 0.0
}

/// x². (The last bits of the standard library's powers may differ from machine to machine, by its documentation.)
#[inline]
pub(crate) fn square(x: f64) -> f64 {
    x * x
}

/// 1 / (1 + e^-x).
#[inline]
pub(crate) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// Nodes and weights for integrating over a standard normal distribution, as (node, weight). One, three and five nodes are
/// Gauss's, in closed form: `n` of them are exact for polynomials of degree 2n − 1. More nodes are evenly spaced, which is
/// as good for smooth functions (the trapezoidal rule on the whole line: Schwartz, 1969). The weights sum to 1.
pub(crate) fn normal_nodes(n: usize) -> Vec<(f64, f64)> {
    // More nodes reach farther out, for posteriors with a long tail, and stand closer together.
    let reach = match n {
        1 => return vec![(0.0, 1.0)],
        3 => {
            let z = 3.0_f64.sqrt();
            return vec![(-z, 1.0 / 6.0), (0.0, 2.0 / 3.0), (z, 1.0 / 6.0)];
        }
        5 => {
            let root = 10.0_f64.sqrt();
            let (near, far) = ((5.0 - root).sqrt(), (5.0 + root).sqrt());
            let (of_near, of_far) = ((7.0 + 2.0 * root) / 60.0, (7.0 - 2.0 * root) / 60.0);
            return vec![(-far, of_far), (-near, of_near), (0.0, 8.0 / 15.0), (near, of_near), (far, of_far)];
        }
        7 => 3.6,
        9 => 4.4,
        13 => 5.4,
        _ => 6.75,
    };
    let step = 2.0 * reach / (n - 1) as f64;
    let nodes: Vec<f64> = (0..n).map(|at| step * (at as f64 - (n as f64 - 1.0) / 2.0)).collect();
    let total: f64 = nodes.iter().map(|z| exp(-z * z / 2.0)).sum();
    nodes.into_iter().map(|z| (z, exp(-z * z / 2.0) / total)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No figure that comes from evidence may depend on a machine's C library: the last bits of its exponentials, logarithms
    /// and powers differ between machines, and a test on one machine cannot show that. So this test reads the sources:
    /// outside of tests, these rooms call no such function of the standard library. (Roots and rounding are exact
    /// everywhere.)
    #[test]
    fn no_function_whose_last_bits_differ_between_machines_is_called() {
        const INEXACT: [&str; 28] = [
            "exp", "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "powi", "cbrt", "hypot", "sin",
            "cos", "tan", "sin_cos", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh",
            "atanh", "gamma", "ln_gamma",
        ];
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders: Vec<_> =
            ["irt", "evidence", "response", "calibration", "number", "results"].map(|room| source.join(room)).into();
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let outside_of_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
                for name in INEXACT {
                    for call in [format!(".{name}("), format!("f64::{name}"), format!("f32::{name}")] {
                        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
                        let called =
                            outside_of_tests.split(&call).skip(1).any(|rest| call.ends_with('(') || ends(rest));
                        assert!(!called, "{} calls {call}", path.display());
                    }
                }
            }
        }
        assert!(files > 15, "{files} files");
    }

    #[test]
    fn exp_and_ln_agree_with_the_standard_library_to_the_last_digits() {
        for step in -70_000..=70_000 {
            let x = f64::from(step) / 100.0;
            let (ours, theirs) = (exp(x), x.exp());
            assert!((ours / theirs - 1.0).abs() < 4e-15, "exp({x}) = {ours}, not {theirs}");
            let y = theirs;
            assert!((ln(y) - y.ln()).abs() <= 4e-15 * y.ln().abs().max(1.0), "ln({y}) = {}, not {}", ln(y), y.ln());
        }
        assert_eq!((exp(0.0), ln(1.0)), (1.0, 0.0));
    }

    #[test]
    fn nodes_integrate_polynomials_to_the_moments_of_a_normal_distribution() {
        for (n, exact) in [(3, 6), (5, 10), (7, 0), (9, 0), (13, 0), (16, 0), (31, 0)] {
            let nodes = normal_nodes(n);
            for (power, moment) in [(0, 1.0), (1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0), (6, 15.0), (8, 105.0)] {
                let sum: f64 = nodes.iter().map(|(z, weight)| weight * z.powi(power)).sum();
                let near = if power < exact || power % 2 == 1 { 1e-12 } else { 2e-3 };
                assert!(power > 2.max(exact - 1) || (sum - moment).abs() < near, "{n} nodes, power {power}: {sum}");
            }
        }
    }
}
