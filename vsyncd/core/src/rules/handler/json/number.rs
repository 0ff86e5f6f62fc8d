//! Decimal numbers, compared by value and of any size.

use std::cmp::Ordering;

/// A number of a JSON text: sign, digits without zeros at either end, and the power of ten of the last digit.
/// Minus zero is not zero: some readers keep the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    digits: String,
    exponent: Exponent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Exponent {
    Known(i64),
    /// Too large to count with: equal only if spelled the same.
    Spelled(String),
}

impl Number {
    /// Of a valid spelling.
    pub(super) fn read(spelled: &str) -> Self {
        let negative = spelled.starts_with('-');
        let (mantissa, exponent) = spelled.split_once(['e', 'E']).unwrap_or((spelled, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{}{fraction}", whole.trim_start_matches('-'));
        let digits = all.trim_start_matches('0').trim_end_matches('0').to_owned();
        let behind = (all.len() - all.trim_end_matches('0').len()) as i64 - fraction.len() as i64;
        let exponent =
            match (digits.len().cmp(&0), exponent.parse::<i64>().ok().and_then(|e| e.checked_add(behind))) {
                (Ordering::Equal, _) => Exponent::Known(0),
                (_, Some(exponent)) => Exponent::Known(exponent),
                (_, None) => Exponent::Spelled(spelled.to_owned()),
            };
        Self { negative, digits, exponent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let groups: [&[&str]; 9] = [
            &["1", "1.0", "10e-1", "1e0", "1E+0", "0.1e1", "1.000"],
            &["100", "1e2", "1.0e2"],
            &["0", "0.0", "0e5", "0e99999999999999999999"],
            &["-0", "-0.0"],
            &["-1", "-1.0"],
            &["1e400", "10e399"],
            &["12345678901234567890123", "1.2345678901234567890123e22"],
            &["12345678901234567890124"],
            &["1e99999999999999999999"],
        ];
        for (at, group) in groups.iter().enumerate() {
            for one in *group {
                for (other_at, others) in groups.iter().enumerate() {
                    for other in *others {
                        assert_eq!(Number::read(one) == Number::read(other), at == other_at, "{one} {other}");
                    }
                }
            }
        }
    }
}
