//! The frame that all charts have: a title, a sentence, axes, and the figures.
//!
//! The picture is stretched to the width there is, and its labels are text of
//! the page, so they are as large on a phone as on a desk.

use std::fmt;

use super::{
    axis::{Axis, LENGTH},
    text::Escaped,
};

/// A chart around marks that are SVG already.
#[derive(Debug)]
pub(crate) struct Chart<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    /// What one sees in it, in words.
    pub(crate) says: &'a str,
    /// What the height means.
    pub(crate) unit: &'a str,
    /// The class of a mark, and its name.
    pub(crate) legend: &'a [(&'a str, String)],
    pub(crate) x: &'a Axis,
    pub(crate) y: &'a Axis,
    /// In pixels, if it is not that of most.
    pub(crate) height: Option<usize>,
    pub(crate) marks: &'a str,
    pub(crate) figures: Option<&'a Table>,
}

/// The same as numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, .. } = self;
        let (title, says) = (Escaped(self.title), Escaped(self.says));
        writeln!(
            f,
            "<figure id=\"{id}\"><figcaption><h3>{title}</h3><p>{says}</p></figcaption>"
        )?;
        f.write_str("<div class=\"key\">")?;
        write!(f, "<span class=\"unit\">{}</span>", Escaped(self.unit))?;
        for (class, name) in self.legend {
            write!(f, "<span><i class=\"{class}\"></i>{}</span>", Escaped(name))?;
        }
        f.write_str("</div>\n<div class=\"plot\"")?;
        if let Some(height) = self.height {
            write!(f, " style=\"--height:{height}px\"")?;
        }
        f.write_str("><div class=\"y\" aria-hidden=\"true\">")?;
        for (value, name) in self.y.ticks() {
            let top = self.y.down(*value) / LENGTH * 100.0;
            write!(f, "<span style=\"top:{top:.1}%\">{}</span>", Escaped(name))?;
        }
        write!(
            f,
            "</div>\n<svg role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
             viewBox=\"0 0 {LENGTH} {LENGTH}\" preserveAspectRatio=\"none\">\
             <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{says}</desc>"
        )?;
        for (value, _) in self.y.ticks() {
            let y = self.y.down(*value);
            write!(f, "<path class=\"grid\" d=\"M0 {y}H{LENGTH}\"/>")?;
        }
        writeln!(f, "{}</svg>", self.marks)?;
        f.write_str("<div class=\"x\" aria-hidden=\"true\">")?;
        for (value, name) in self.x.ticks() {
            let left = self.x.at(*value) / LENGTH * 100.0;
            write!(
                f,
                "<span style=\"left:{left:.1}%\">{}</span>",
                Escaped(name)
            )?;
        }
        f.write_str("</div></div>\n")?;
        if let Some(figures) = self.figures {
            write!(
                f,
                "<details><summary>Figures</summary><div class=\"wide\">{figures}</div></details>"
            )?;
        }
        f.write_str("</figure>\n")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<table><thead><tr>")?;
        for name in &self.head {
            write!(f, "<th scope=\"col\">{}</th>", Escaped(name))?;
        }
        f.write_str("</tr></thead><tbody>")?;
        for row in &self.rows {
            f.write_str("<tr>")?;
            for (n, value) in row.iter().enumerate() {
                match n {
                    0 => write!(f, "<th scope=\"row\">{}</th>", Escaped(value))?,
                    _ => write!(f, "<td>{}</td>", Escaped(value))?,
                }
            }
            f.write_str("</tr>")?;
        }
        f.write_str("</tbody></table>")
    }
}

/// An upright bar. What it says appears under the pointer.
pub(crate) fn bar(class: &str, (left, right): (f64, f64), (top, foot): (f64, f64)) -> String {
    let (width, height) = (right - left, foot - top);
    if height <= 0.0 {
        return String::new();
    }
    format!(
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    )
}
