#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pagemap_viz_fuzz::process_texts(data));
