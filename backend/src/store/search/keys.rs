use super::piece::Piece;
use crate::error::Result;
use crate::store::Connection;

/// Keys of runs, one bit each: the databases count keys from 1, so that they lie close together.
#[derive(Default)]
pub(super) struct Keys(Vec<u64>);

impl Keys {
    /// What the statement's first column says.
    pub fn read(connection: &Connection, statement: Piece) -> Result<Keys> {
        let mut keys = Keys::default();
        let statement = statement.into_statement();
        connection.each(statement.sql(), &statement.params(), |row| {
            keys.insert(row.get(0)?);
            Ok(true)
        })?;
        Ok(keys)
    }

    fn insert(&mut self, key: i64) {
        let Ok(key) = usize::try_from(key) else { return };
        let word = key / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (key % 64);
    }

    pub fn keep(&mut self, others: &Keys) {
        self.0.truncate(others.0.len());
        self.0.iter_mut().zip(&others.0).for_each(|(word, other)| *word &= other);
    }

    pub fn remove(&mut self, others: &Keys) {
        self.0.iter_mut().zip(&others.0).for_each(|(word, other)| *word &= !other);
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn to_vec(&self) -> Vec<i64> {
        let bits = self.0.iter().enumerate().flat_map(|(at, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * 64 + bit)
        });
        bits.map(|key| key as i64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    fn keys(all: &[i64]) -> Keys {
        let mut keys = Keys::default();
        all.iter().for_each(|key| keys.insert(*key));
        keys
    }

    #[test]
    fn sets_are_cut_and_taken_away() {
        let mut some = keys(&[1, 63, 64, 65, 1000, -7]);
        assert_eq!(some.to_vec(), [1, 63, 64, 65, 1000]);
        some.keep(&keys(&[63, 64, 65, 70]));
        assert_eq!((some.to_vec(), some.len()), (vec![63, 64, 65], 3));
        some.remove(&keys(&[64, 5000]));
        assert_eq!(some.to_vec(), [63, 65]);
        some.keep(&keys(&[]));
        assert_eq!(some.len(), 0);
    }
}
