use crate::display::Table;

/// Things in a list that shows itself as a table; else it is used like a `Vec`.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T> {
    items: Vec<T>,
}

/// What a [`List`] can show.
pub trait Listed {
    #[doc(hidden)]
    fn headings() -> &'static [&'static str];
    /// `run`, `model` …
    #[doc(hidden)]
    fn noun() -> &'static str;
    #[doc(hidden)]
    fn cells(&self) -> Vec<String>;
}

impl<T: Listed> List<T> {
    fn table(&self) -> Table {
        let plural = if self.items.len() == 1 { "" } else { "s" };
        Table {
            title: format!("{} {}{plural}", self.items.len(), T::noun()),
            headings: T::headings(),
            rows: self.items.iter().map(T::cells).collect(),
            empty: "(none)",
        }
    }

    /// Shows the list in a notebook.
    pub fn evcxr_display(&self) {
        self.table().show_in_notebook();
    }
}

impl<T> List<T> {
    pub(crate) fn new(items: Vec<T>) -> List<T> {
        List { items }
    }

    pub fn into_vec(self) -> Vec<T> {
        self.items
    }
}

impl<T: Listed> std::fmt::Display for List<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.table().text())
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
