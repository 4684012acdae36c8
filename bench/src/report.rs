//! Tables in Markdown.

use std::fmt;

/// What one section found.
pub struct Table {
    /// The heading.
    pub title: String,
    /// How it was measured, as one paragraph.
    pub about: String,
    /// The heads of the columns; the first is for names, the others for figures.
    pub columns: Vec<&'static str>,
    /// The cells, as many in each row as there are columns.
    pub rows: Vec<Vec<String>>,
    /// What has a budget.
    pub budgets: Vec<Budget>,
    /// Who could not be measured, and why.
    pub missing: Vec<Missing>,
}

impl Table {
    /// A table without rows yet.
    pub fn new(title: &str, about: String, columns: &[&'static str]) -> Self {
        let (rows, budgets, missing) = Default::default();
        Self { title: title.into(), about, columns: columns.to_vec(), rows, budgets, missing }
    }
}

/// What Drawbridge must reach.
pub struct Budget {
    /// What is measured, in a few words.
    pub what: String,
    /// The bound, as a person reads it.
    pub wanted: String,
    /// What was measured, as a person reads it.
    pub got: String,
    /// Whether the bound is kept.
    pub met: bool,
}

impl Budget {
    /// `got` must be at least `least` times the peer's; both are ratios.
    pub fn at_least(what: &str, least: f64, got: f64) -> Self {
        Self {
            what: what.into(),
            wanted: format!("≥ {least}×"),
            got: format!("{got:.2}×"),
            met: got >= least,
        }
    }

    /// `got` must be at most `most` times the peer's; both are ratios.
    pub fn at_most(what: &str, most: f64, got: f64) -> Self {
        Self {
            what: what.into(), wanted: format!("≤ {most}×"), got: format!("{got:.2}×"), met: got <= most
        }
    }

    /// `got` must stay below `most`; `unit` is written behind both.
    pub fn below(what: &str, most: f64, got: f64, unit: &str) -> Self {
        Self {
            what: what.into(),
            wanted: format!("< {most}{unit}"),
            got: format!("{got:.2}{unit}"),
            met: got < most,
        }
    }
}

/// Somebody who could not be measured.
pub struct Missing {
    /// Their name.
    pub name: String,
    /// Why, with what to do about it.
    pub reason: String,
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "## {}\n\n{}\n", self.title, self.about)?;
        write_row(out, self.columns.iter().copied())?;
        let rules = std::iter::once("---").chain(std::iter::repeat_n("---:", self.columns.len() - 1));
        write_row(out, rules)?;
        for row in &self.rows {
            write_row(out, row.iter().map(String::as_str))?;
        }
        write_budgets(out, &self.budgets)?;
        for Missing { name, reason } in &self.missing {
            writeln!(out, "\n**{name} was not measured:** {reason}")?;
        }
        Ok(())
    }
}

fn write_budgets(out: &mut fmt::Formatter<'_>, budgets: &[Budget]) -> fmt::Result {
    if budgets.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| budget | wanted | measured | |\n|---|---:|---:|---|")?;
    for Budget { what, wanted, got, met } in budgets {
        writeln!(out, "| {what} | {wanted} | {got} | {} |", if *met { "met" } else { "**missed**" })?;
    }
    Ok(())
}

fn write_row<'a>(out: &mut fmt::Formatter<'_>, cells: impl Iterator<Item = &'a str>) -> fmt::Result {
    for cell in cells {
        write!(out, "| {cell} ")?;
    }
    writeln!(out, "|")
}

/// A figure with as many digits as say something: three, and no fraction from a hundred on.
pub fn figure(value: f64) -> String {
    match value {
        value if value >= 1000.0 => thousands(value),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// A whole number with blanks between thousands.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A ratio.
pub fn ratio(value: f64) -> String {
    format!("{}×", figure(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_or_more() {
        let figures = [0.123, 1.234, 12.34, 123.4, 1234.5, 1_234_567.0].map(figure);
        assert_eq!(figures, ["0.12", "1.23", "12.3", "123", "1 234", "1 234 567"]);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("Echo", "As fast as it goes.".into(), &["server", "calls/s"]);
        table.rows.push(vec!["a".into(), "1".into()]);
        table.budgets.push(Budget::at_least("beside b", 2.0, 1.5));
        table.budgets.push(Budget::below("start", 50.0, 20.0, " ms"));
        table.missing.push(Missing { name: "b".into(), reason: "no Python.".into() });
        let text = table.to_string();
        assert_eq!(
            text,
            "## Echo\n\nAs fast as it goes.\n\n| server | calls/s |\n| --- | ---: |\n| a | 1 |\n\n\
             | budget | wanted | measured | |\n|---|---:|---:|---|\n| beside b | ≥ 2× | 1.50× | **missed** |\n\
             | start | < 50 ms | 20.00 ms | met |\n\n**b was not measured:** no Python.\n"
        );
    }

    #[test]
    fn a_bound_is_kept_at_its_edge() {
        assert!(Budget::at_least("x", 2.0, 2.0).met);
        assert!(Budget::at_most("x", 2.0, 2.0).met);
        assert!(!Budget::below("x", 2.0, 2.0, "").met);
    }
}
