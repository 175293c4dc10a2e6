//! How objects show themselves: a table as HTML and as text.

use lazuli_domain::readable::escape_html as escape;
use std::fmt::Write;

/// A table whose columns have headings, or, without any, pairs of name and value.
pub(crate) struct Table {
    pub title: String,
    pub headings: &'static [&'static str],
    pub rows: Vec<Vec<String>>,
    /// Stands in for the rows when there are none.
    pub empty: &'static str,
}

impl Table {
    /// Tells a notebook to show the table. Both forms belong to one display.
    pub fn show_in_notebook(&self) {
        print_content(&[("text/html", &self.html()), ("text/plain", &self.text())]);
    }

    pub fn text(&self) -> String {
        let mut text = self.title.clone();
        if self.rows.is_empty() {
            let _ = write!(text, "\n{}", self.empty);
            return text;
        }
        let headings: Vec<String> = self.headings.iter().map(|&text| text.to_owned()).collect();
        let lines: Vec<&Vec<String>> =
            Some(&headings).filter(|row| !row.is_empty()).into_iter().chain(&self.rows).collect();
        let columns = lines.iter().map(|row| row.len()).max().unwrap_or(0);
        let width = |column: usize| {
            lines.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for row in lines {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            let _ = write!(text, "\n{}", cells.join("  ").trim_end());
        }
        text
    }

    fn html(&self) -> String {
        let mut html = String::from("<table>");
        let _ =
            write!(html, "<caption style=\"text-align:left\">{}</caption>", escape(&self.title));
        if !self.headings.is_empty() {
            html.push_str("<thead><tr>");
            for heading in self.headings {
                let _ = write!(html, "<th style=\"text-align:left\">{}</th>", escape(heading));
            }
            html.push_str("</tr></thead>");
        }
        html.push_str("<tbody>");
        for row in &self.rows {
            html.push_str("<tr>");
            for cell in row {
                let _ = write!(html, "<td style=\"text-align:left\">{}</td>", escape(cell));
            }
            html.push_str("</tr>");
        }
        if self.rows.is_empty() {
            let _ = write!(html, "<tr><td>{}</td></tr>", escape(self.empty));
        }
        html.push_str("</tbody></table>");
        html
    }
}

/// Shows what an object had to ask the daemon for; a display has nobody to return an error to.
pub(crate) fn show_or_say(table: crate::Result<Table>) {
    match table {
        Ok(table) => table.show_in_notebook(),
        Err(error) => print_content(&[("text/plain", &format!("cannot be shown: {error}"))]),
    }
}

/// Hands content to the notebook, one display in several forms, in evcxr's notation.
pub(crate) fn print_content(forms: &[(&str, &str)]) {
    let mut text = String::new();
    for (mime, content) in forms {
        let _ = write!(text, "EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT\n");
    }
    print!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_well_and_keeps_markup_out() {
        let mut table = Table {
            title: "2 runs".into(),
            headings: &["Run", "Status"],
            rows: vec![
                vec!["<b>".into(), "Running".into()],
                vec!["größer".into(), "Failed".into()],
            ],
            empty: "none yet",
        };
        assert_eq!(table.text(), "2 runs\nRun     Status\n<b>     Running\ngrößer  Failed");
        assert!(table.html().contains("<td style=\"text-align:left\">&lt;b&gt;</td>"));
        table.rows.clear();
        assert_eq!(table.text(), "2 runs\nnone yet");
    }
}
