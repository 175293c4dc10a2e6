//! SHA-256 (FIPS 180-4) of files that go up and come down.
//!
//! A crate for it would bring seven more into every cell that is compiled. The daemon computes the
//! digest again and refuses content that does not fit.

use std::io::Read;

const ROUNDS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// Digest in lower-case hex and length of what the reader gives.
pub(crate) fn digest(reader: &mut dyn Read) -> std::io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => {
                let length = hash.length;
                return Ok((hash.finish(), length));
            }
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A digest under way.
pub(crate) struct Sha256 {
    state: [u32; 8],
    /// The beginning of a block.
    rest: Vec<u8>,
    length: u64,
}

impl Sha256 {
    pub(crate) fn new() -> Sha256 {
        let state = [
            0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
            0x5be0cd19,
        ];
        Sha256 { state, rest: Vec::with_capacity(128), length: 0 }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if !self.rest.is_empty() {
            let (begun, later) = bytes.split_at(bytes.len().min(64 - self.rest.len()));
            self.rest.extend_from_slice(begun);
            bytes = later;
            if self.rest.len() < 64 {
                return;
            }
            compress(&mut self.state, &self.rest);
            self.rest.clear();
        }
        let (blocks, rest) = bytes.split_at(bytes.len() - bytes.len() % 64);
        compress(&mut self.state, blocks);
        self.rest.extend_from_slice(rest);
    }

    /// In lower-case hex.
    pub(crate) fn finish(mut self) -> String {
        self.rest.push(0x80);
        while self.rest.len() % 64 != 56 {
            self.rest.push(0);
        }
        self.rest.extend_from_slice(&(self.length * 8).to_be_bytes());
        compress(&mut self.state, &self.rest);
        self.state.iter().map(|word| format!("{word:08x}")).collect()
    }
}

/// Whole blocks.
fn compress(state: &mut [u32; 8], blocks: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("sse4.1")
        && is_x86_feature_detected!("ssse3")
    {
        // SAFETY: the processor has what the function is compiled for.
        unsafe { compress_in_hardware(state, blocks) };
        return;
    }
    blocks.chunks_exact(64).for_each(|block| compress_block(state, block));
}

/// The same by the processor's own instructions, which are some five times as quick: files of
/// gigabytes are hashed before they are sent.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
unsafe fn compress_in_hardware(state: &mut [u32; 8], blocks: &[u8]) {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_loadu_si128, _mm_set_epi64x,
        _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
        _mm_shuffle_epi32, _mm_storeu_si128,
    };
    let words: *mut __m128i = state.as_mut_ptr().cast();
    let big_endian = _mm_set_epi64x(0x0c0d0e0f_08090a0b, 0x04050607_00010203);
    // SAFETY: `state` is two vectors long, each block four, and the rounds sixteen; unaligned
    // loads and stores take any address.
    unsafe {
        // The instructions want a, b, e, f in one vector and c, d, g, h in the other.
        let abcd = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
        let efgh = _mm_shuffle_epi32(_mm_loadu_si128(words.add(1)), 0x1b);
        let mut abef = _mm_alignr_epi8(abcd, efgh, 8);
        let mut cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);
        for block in blocks.chunks_exact(64) {
            let (abef_before, cdgh_before) = (abef, cdgh);
            let block: *const __m128i = block.as_ptr().cast();
            let load = |at: usize| _mm_shuffle_epi8(_mm_loadu_si128(block.add(at)), big_endian);
            let mut message = [load(0), load(1), load(2), load(3)];
            for four in 0..16 {
                let rounds: *const __m128i = ROUNDS.as_ptr().add(4 * four).cast();
                let sum = _mm_add_epi32(message[four % 4], _mm_loadu_si128(rounds));
                cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
                abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
                if four < 12 {
                    let [this, next, third, last] =
                        [0, 1, 2, 3].map(|ahead| message[(four + ahead) % 4]);
                    let sum = _mm_add_epi32(
                        _mm_sha256msg1_epu32(this, next),
                        _mm_alignr_epi8(last, third, 4),
                    );
                    message[four % 4] = _mm_sha256msg2_epu32(sum, last);
                }
            }
            abef = _mm_add_epi32(abef, abef_before);
            cdgh = _mm_add_epi32(cdgh, cdgh_before);
        }
        let feba = _mm_shuffle_epi32(abef, 0x1b);
        let dchg = _mm_shuffle_epi32(cdgh, 0xb1);
        _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
        _mm_storeu_si128(words.add(1), _mm_alignr_epi8(dchg, feba, 8));
    }
}

fn compress_block(state: &mut [u32; 8], block: &[u8]) {
    let mut words = [0u32; 64];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for i in 16..64 {
        let (a, b) = (words[i - 15], words[i - 2]);
        let small0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
        let small1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
        words[i] =
            words[i - 16].wrapping_add(small0).wrapping_add(words[i - 7]).wrapping_add(small1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (word, round) in words.iter().zip(ROUNDS) {
        let big1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let first =
            h.wrapping_add(big1).wrapping_add(choice).wrapping_add(round).wrapping_add(*word);
        let big0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(big0).wrapping_add(majority));
    }
    for (word, addend) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(addend);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_come_out() {
        for (content, expected) in [
            ("".to_owned(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc".to_owned(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".to_owned(),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (
                "a".repeat(1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
            ),
        ] {
            let (digest, length) = digest(&mut content.as_bytes()).unwrap();
            assert_eq!((digest.as_str(), length), (expected, content.len() as u64));
        }
    }

    #[test]
    fn hardware_and_software_agree_whatever_the_pieces() {
        let content: Vec<u8> = (0..4096_u32).map(|number| (number * 31 % 251) as u8).collect();
        for length in (0..300).chain([1000, 4096]) {
            let mut hash = Sha256::new();
            content[..length].chunks(length / 3 + 1).for_each(|piece| hash.update(piece));
            let mut state = Sha256::new().state;
            let mut padded = content[..length].to_vec();
            padded.push(0x80);
            while padded.len() % 64 != 56 {
                padded.push(0);
            }
            padded.extend_from_slice(&(length as u64 * 8).to_be_bytes());
            padded.chunks_exact(64).for_each(|block| compress_block(&mut state, block));
            let software: String = state.iter().map(|word| format!("{word:08x}")).collect();
            assert_eq!(hash.finish(), software, "{length} bytes");
        }
    }
}
