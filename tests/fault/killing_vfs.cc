#include "tests/fault/killing_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstring>
#include <new>

namespace veilsum {
namespace {

long fatal_point = 0;
long points = 0;
bool has_shared_memory = false;

void Point() {
  if (++points == fatal_point) kill(getpid(), SIGKILL);
}

// Our file begins every file; the default VFS's follows in the same memory.
struct KillingFile {
  sqlite3_file base;
  sqlite3_io_methods methods;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

KillingFile* Mine(sqlite3_file* file) { return reinterpret_cast<KillingFile*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Mine(file)->real(); }
const sqlite3_io_methods& Do(sqlite3_file* file) { return *Real(file)->pMethods; }

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* original = static_cast<sqlite3_vfs*>(vfs->pAppData);
  auto* mine = new (file) KillingFile{};
  const int code = original->xOpen(original, name, mine->real(), flags, out_flags);
  if (mine->real()->pMethods == nullptr) return code;
  sqlite3_io_methods& m = mine->methods;
  m.iVersion = has_shared_memory ? 2 : 1;
  m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    return Do(f).xShmMap(Real(f), page, size, extend, out);
  };
  m.xShmLock = [](sqlite3_file* f, int at, int n, int how) {
    return Do(f).xShmLock(Real(f), at, n, how);
  };
  m.xShmBarrier = [](sqlite3_file* f) { Do(f).xShmBarrier(Real(f)); };
  m.xShmUnmap = [](sqlite3_file* f, int remove) { return Do(f).xShmUnmap(Real(f), remove); };
  m.xClose = [](sqlite3_file* f) { return Do(f).xClose(Real(f)); };
  m.xRead = [](sqlite3_file* f, void* data, int n, sqlite3_int64 at) {
    return Do(f).xRead(Real(f), data, n, at);
  };
  m.xWrite = [](sqlite3_file* f, const void* data, int n, sqlite3_int64 at) {
    Point();
    return Do(f).xWrite(Real(f), data, n, at);
  };
  m.xTruncate = [](sqlite3_file* f, sqlite3_int64 n) { return Do(f).xTruncate(Real(f), n); };
  // A killed process loses nothing that it has written, synced or not, so that the disk need not be
  // waited for.
  m.xSync = [](sqlite3_file*, int) {
    Point();
    return SQLITE_OK;
  };
  m.xFileSize = [](sqlite3_file* f, sqlite3_int64* n) { return Do(f).xFileSize(Real(f), n); };
  m.xLock = [](sqlite3_file* f, int level) { return Do(f).xLock(Real(f), level); };
  m.xUnlock = [](sqlite3_file* f, int level) { return Do(f).xUnlock(Real(f), level); };
  m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
    return Do(f).xCheckReservedLock(Real(f), out);
  };
  m.xFileControl = [](sqlite3_file* f, int op, void* arg) {
    return Do(f).xFileControl(Real(f), op, arg);
  };
  m.xSectorSize = [](sqlite3_file* f) { return Do(f).xSectorSize(Real(f)); };
  m.xDeviceCharacteristics = [](sqlite3_file* f) { return Do(f).xDeviceCharacteristics(Real(f)); };
  mine->base.pMethods = &m;
  return code;
}

}  // namespace

void RegisterKillingVfs(long fatal, bool shared_memory) {
  fatal_point = fatal;
  has_shared_memory = shared_memory;
  points = 0;
  if (sqlite3_vfs_find(kKillingVfs) != nullptr) return;
  static sqlite3_vfs vfs;
  sqlite3_vfs* original = sqlite3_vfs_find(nullptr);
  vfs = *original;  // everything but opening is the original's, which reads no state of its own in
                    // those calls
  vfs.szOsFile = static_cast<int>(sizeof(KillingFile)) + original->szOsFile;
  vfs.zName = kKillingVfs;
  vfs.pNext = nullptr;
  vfs.pAppData = original;
  vfs.xOpen = &Open;
  sqlite3_vfs_register(&vfs, 0);
}

long WritesAndSyncsSoFar() { return points; }

}  // namespace veilsum
