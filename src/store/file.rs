// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::{format, string::String};

use crate::error::Error;
use crate::store::Storage;

/// One file for each record in a directory of the caller's, for hosts.
///
/// A record is written to a temporary file, made durable, and renamed over the old one; then the directory is made
/// durable. What a cut leaves beside is removed by the next [`open`](Self::open). One [`FileStorage`] at a time has a directory: it holds a lock on the file `lock` in it, because two
/// modules with one DUKPT state would use its keys twice.
#[derive(Debug)]
pub struct FileStorage {
    directory: PathBuf,
    /// Locked while this lives.
    _lock: File,
}

impl FileStorage {
    /// Takes a directory, which must exist and should be readable by this user alone.
    ///
    /// # Errors
    /// [`Error::Storage`] if it cannot be used, or another process or [`FileStorage`] has it.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = directory.as_ref().to_path_buf();
        let lock = private()
            .create(true)
            .truncate(false)
            .open(directory.join("lock"))
            .map_err(|_| Error::Storage)?;
        lock.try_lock().map_err(|_| Error::Storage)?;
        remove_leftovers(&directory).map_err(|_| Error::Storage)?;
        Ok(Self { directory, _lock: lock })
    }

    fn path(&self, id: u16) -> PathBuf {
        self.directory.join(name(id))
    }

    /// Makes names in the directory durable. Systems without open directories do that by themselves.
    fn sync_directory(&self) -> io::Result<()> {
        if cfg!(unix) {
            File::open(&self.directory)?.sync_all()?;
        }
        Ok(())
    }

    fn replace(&self, id: u16, record: &[u8]) -> io::Result<()> {
        let temporary = self.directory.join(format!("{}.new", name(id)));
        // A file of this name is what a cut left, or somebody else's: made anew, it has our permissions and is no link.
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = private().create_new(true).open(&temporary)?;
        file.write_all(record)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, self.path(id))?;
        self.sync_directory()
    }

    fn remove(&self, id: u16) -> io::Result<()> {
        let path = self.path(id);
        let mut file = match OpenOptions::new().write(true).open(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        // The name goes first: a file that is half overwritten would be a damaged record. The contents are
        // overwritten through the open file, for what that is worth on the file system at hand.
        let len = file.metadata()?.len();
        fs::remove_file(&path)?;
        self.sync_directory()?;
        io::copy(&mut io::repeat(0).take(len), &mut file)?;
        file.sync_all()
    }
}

/// Removes what a cut left of saves that did not get to the renaming.
fn remove_leftovers(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let id = name
            .to_str()
            .and_then(|name| name.strip_prefix("record-")?.strip_suffix(".new"));
        if id.is_some_and(|id| id.len() == 4 && id.bytes().all(|c| c.is_ascii_hexdigit())) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn name(id: u16) -> String {
    format!("record-{id:04x}")
}

/// Options for a file that this user alone may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Storage for FileStorage {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        let mut file = match File::open(self.path(id)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
            file => file.map_err(|_| Error::Storage)?,
        };
        let len = file.metadata().map_err(|_| Error::Storage)?.len();
        let len = usize::try_from(len).map_err(|_| Error::BufferTooSmall)?;
        if len == 0 {
            // Not one that was saved here, and not absent either.
            return Err(Error::StorageIntegrity);
        }
        let out = out.get_mut(..len).ok_or(Error::BufferTooSmall)?;
        file.read_exact(out).map_err(|_| Error::Storage)?;
        Ok(len)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        if record.is_empty() {
            return Err(Error::Storage);
        }
        self.replace(id, record).map_err(|_| Error::Storage)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.remove(id).map_err(|_| Error::Storage)
    }
}
