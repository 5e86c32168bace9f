#include "traces/atomic_file.hpp"

#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/traces/support.hpp"

namespace gradpath::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(AtomicFile, AppearsAtCommitWithAllItsBytes) {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  AtomicFile file(path);
  file.write("one ");
  file.write("two");
  EXPECT_FALSE(std::filesystem::exists(path));
  file.commit();
  EXPECT_EQ(read_text(path), "one two");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, WithoutCommitLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  write_text(path, "old");
  {
    AtomicFile file(path);
    file.write("new");
  }
  EXPECT_EQ(read_text(path), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, ReplacesAFileThatIsStillOpenAndKeepsItsMode) {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  write_text(path, "old");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  AtomicFile file(path);
  file.write("new");
  file.commit();
  EXPECT_EQ(read_text(path), "new");
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0640u);
}

TEST(AtomicFile, FollowsASymbolicLink) {
  const TemporaryFolder folder;
  write_text(folder.file("real"), "old");
  std::filesystem::create_symlink("real", folder.file("link"));
  AtomicFile file(folder.file("link"));
  file.write("new");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link")));
  EXPECT_EQ(read_text(folder.file("real")), "new");
}

TEST(AtomicFile, WritesADeviceInPlace) {
  AtomicFile file("/dev/null");
  file.write("gone");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(AtomicFile, NamesAFolderThatDoesNotExistAndAFolderInItsPlace) {
  const TemporaryFolder folder;
  EXPECT_THAT(user_error([&] { AtomicFile file(folder.file("none/out")); }),
              AllOf(HasSubstr(folder.file("none/out")), HasSubstr("No such file")));
  EXPECT_THAT(user_error([&] { AtomicFile file(folder.path().string()); }),
              HasSubstr("is a directory"));
  EXPECT_THAT(user_error([&] { AtomicFile file(""); }), HasSubstr("empty"));
}

TEST(AtomicFile, ReportsAFullDisk) {
  AtomicFile file("/dev/full");
  EXPECT_THAT(user_error([&] { file.write("x"); }), HasSubstr("No space left"));
}

class KilledBy : public ::testing::TestWithParam<int> {};

// The child says that it is in the middle of the file, then waits to be killed.
TEST_P(KilledBy, ASignalInMidWriteLeavesTheOldFileIntact) {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  write_text(path, "old");
  int ready[2] = {};
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    AtomicFile file(path);
    file.write(std::string(1 << 20, 'n'));
    if (::write(ready[1], "r", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(::kill(child, GetParam()), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read_text(path), "old");
  ::close(ready[0]);
  ::close(ready[1]);
}

INSTANTIATE_TEST_SUITE_P(Each, KilledBy, ::testing::Values(SIGINT, SIGTERM, SIGKILL));

}  // namespace
}  // namespace gradpath::test
