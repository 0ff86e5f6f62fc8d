//! Makes the n-th write to a plain file fail, in everything that was started with the library.

use std::fs;
use std::path::PathBuf;

use vsync_tests::machine::Machine;

/// The control file; its layout is `struct control` in `write_fault.c`.
#[derive(Debug)]
pub(crate) struct WriteFault(PathBuf);

impl WriteFault {
    /// For the processes of a machine. Nothing fails yet.
    pub(crate) fn of(machine: Machine, library: &str) -> (Machine, Self) {
        let file = machine.path("write-fault");
        fs::write(&file, [0; 512]).expect("the control file");
        let name = file.display().to_string();
        (machine.with("LD_PRELOAD", library).with("VSYNC_WRITE_FAULT", &name), Self(file))
    }

    /// From now on the write with this number fails, and, with `more`, all after it.
    pub(crate) fn begin(&self, error: i32, at: i32, more: bool) {
        let fields = [error, at, i32::from(more), 0, 0, 0];
        self.put(&fields.map(i32::to_ne_bytes).concat());
    }

    /// Nothing fails any more. The number of writes that were seen, and where the last that failed was.
    pub(crate) fn end(&self) -> (i32, Option<String>) {
        let bytes = fs::read(&self.0).expect("the control file");
        let number =
            |at: usize| i32::from_ne_bytes(bytes[at * 4..at * 4 + 4].try_into().expect("four bytes"));
        let path = bytes[24..].split(|byte| *byte == 0).next().unwrap_or_default();
        let path = String::from_utf8_lossy(path).into_owned();
        let found = (number(4), (number(5) > 0).then_some(path));
        self.put(&[0; 24]);
        found
    }

    /// In place: the file is mapped.
    fn put(&self, bytes: &[u8]) {
        use std::os::unix::fs::FileExt as _;
        let file = fs::File::options().write(true).open(&self.0).expect("the control file");
        file.write_all_at(bytes, 0).expect("the control file");
    }
}
