#include "tests/support/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

namespace veilsum {
namespace {

namespace fs = std::filesystem;

// Debian has each version's programs in a folder of their own, the newest last.
std::string Programs() {
  std::string newest;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none))
    if (fs::exists(version.path() / "bin/initdb"))
      newest = std::max(newest, (version.path() / "bin").string());
  return newest;
}

// PostgreSQL refuses to run as root.
const passwd* Unprivileged() {
  if (geteuid() != 0) return nullptr;
  const passwd* user = getpwnam("postgres");
  return user != nullptr ? user : getpwnam("nobody");
}

}  // namespace

PostgresServer* PostgresServer::Shared() {
  static const std::unique_ptr<PostgresServer> server = []() -> std::unique_ptr<PostgresServer> {
    const std::string programs = Programs();
    if (programs.empty()) {
      std::fprintf(stderr, "no PostgreSQL server in /usr/lib/postgresql: install postgresql-15\n");
      return nullptr;
    }
    std::unique_ptr<PostgresServer> made(new PostgresServer(programs));
    return made->Start() ? std::move(made) : nullptr;
  }();
  return server.get();
}

// As an unprivileged user, in the server's folder, which its output goes to.
pid_t PostgresServer::Spawn(const std::string& program, std::vector<std::string> arguments) const {
  const std::string path = programs_ + "/" + program, log = folder_.path() / "log";
  arguments.insert(arguments.begin(), path);
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const passwd* const user = Unprivileged();
  const uid_t uid = user == nullptr ? geteuid() : user->pw_uid;
  const gid_t gid = user == nullptr ? getegid() : user->pw_gid;
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const pid_t child = fork();
  if (child != 0) {
    close(output);
    return child;
  }
  if (user != nullptr && (setgroups(0, nullptr) != 0 || setgid(gid) != 0 || setuid(uid) != 0))
    _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after setuid, which forgets it
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (chdir(folder_.path().c_str()) == 0) execv(path.c_str(), words.data());
  _exit(127);
}

bool PostgresServer::MakeData() {
  folder_.Write("password", password() + "\n");
  folder_.Write("passfile", "*:*:*:veilsum:" + password() + "\n");
  fs::permissions(folder_.path() / "passfile", fs::perms::owner_read | fs::perms::owner_write);
  if (const passwd* user = Unprivileged(); user != nullptr)
    for (const fs::path& each : {folder_.path(), folder_.path() / "password"})
      if (chown(each.c_str(), user->pw_uid, user->pw_gid) != 0) return false;
  int status = 0;
  const pid_t child =
      Spawn("initdb", {"-D", folder_.path() / "data", "-U", "veilsum", "--auth=scram-sha-256",
                       "--pwfile=" + (folder_.path() / "password").string(), "--encoding=UTF8",
                       "--locale=C", "--no-sync", "--no-instructions"});
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool PostgresServer::Answers() const {
  return coordinator::PostgresDatabase::Connect(Place("public")).ok();
}

bool PostgresServer::Start() {
  bool up = MakeData();
  if (up) {
    server_ = Spawn("postgres",
                    {"-D", folder_.path() / "data", "-k", folder_.path(), "-c",
                     "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c",
                     "shared_buffers=16MB", "-c", "max_connections=20", "-c", "autovacuum=off"});
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!(up = Answers()) && std::chrono::steady_clock::now() < end &&
           waitpid(server_, nullptr, WNOHANG) == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (!up) {
    std::fprintf(stderr, "PostgreSQL could not be started:\n");
    std::ifstream log(folder_.path() / "log");
    for (std::string line; std::getline(log, line);) std::fprintf(stderr, "  %s\n", line.c_str());
  }
  return up;
}

PostgresServer::~PostgresServer() {
  if (server_ > 0 && kill(server_, SIGQUIT) == 0) waitpid(server_, nullptr, 0);
}

coordinator::PostgresPlace PostgresServer::Place(const std::string& schema) const {
  coordinator::PostgresPlace place;
  place.url = "postgresql://veilsum@/postgres?host=" + folder_.path().string();
  place.passfile = folder_.path() / "passfile";
  place.schema = schema;
  return place;
}

}  // namespace veilsum
