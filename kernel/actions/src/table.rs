pub(crate) use lazuli_domain::readable::escape_html as escape;

/// Rows under headings, as aligned text and as HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    /// What is said when there is no row.
    empty: String,
}

impl Table {
    pub fn new<const N: usize>(headings: [&str; N]) -> Table {
        Table {
            headings: headings.map(str::to_owned).to_vec(),
            rows: Vec::new(),
            empty: "(none)".to_owned(),
        }
    }

    pub fn with_headings(headings: Vec<String>) -> Table {
        Table { headings, ..Table::new([]) }
    }

    pub fn when_empty(mut self, sentence: impl Into<String>) -> Table {
        self.empty = sentence.into();
        self
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Columns in which every cell is a number (or nothing) stand at the right.
    pub fn text(&self) -> String {
        if self.rows.is_empty() {
            return self.empty.clone();
        }
        let columns = self.headings.len();
        let clean: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
        let width = |column: usize| {
            let cells = clean.iter().filter_map(|row| row.get(column));
            cells.chain([&self.headings[column]]).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> =
            (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        let lines = std::iter::once(&self.headings).chain(&clean).map(|row| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate().take(columns) {
                let blanks = " ".repeat(widths[column] - cell.chars().count());
                match self.is_numeric(column) {
                    true => line.extend([blanks.as_str(), cell]),
                    false => line.extend([cell.as_str(), &blanks]),
                }
                line.push_str("  ");
            }
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub fn html(&self) -> String {
        if self.rows.is_empty() {
            return format!("<p>{}</p>", escape(&self.empty));
        }
        let mut html = String::from("<table><thead><tr>");
        for (column, heading) in self.headings.iter().enumerate() {
            html.push_str(&format!("<th{}>{}</th>", self.align(column), escape(heading)));
        }
        html.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            html.push_str("<tr>");
            for (column, cell) in row.iter().enumerate() {
                html.push_str(&format!("<td{}>{}</td>", self.align(column), escape(cell)));
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table>");
        html
    }

    fn align(&self, column: usize) -> &'static str {
        match self.is_numeric(column) {
            true => " style=\"text-align:right\"",
            false => " style=\"text-align:left\"",
        }
    }

    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column));
        let number =
            |cell: &String| cell.is_empty() || lazuli_domain::Number::parse(cell).is_some();
        cells.clone().all(number) && cells.any(|cell| !cell.is_empty())
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_at_the_right() {
        let mut table = Table::new(["Name", "Runs", "What"]);
        table.row(vec!["a".into(), "7".into(), "x<y".into()]);
        table.row(vec!["größer".into(), "1024".into(), "two\nlines".into()]);
        assert_eq!(table.text(), "Name    Runs  What\na          7  x<y\ngrößer  1024  two lines");
        assert!(table.html().contains("<td style=\"text-align:left\">x&lt;y</td>"));
        assert_eq!(Table::new(["Name"]).text(), "(none)");
    }
}
