#include "cq/base/hash.h"

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

// FIPS 180-2, appendix B.
constexpr const char* abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* million_a =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Hash, AgreesWithTheStandard) {
  EXPECT_EQ(sha256("abc"), abc);
  EXPECT_EQ(Sha256().add("a").add("").add("bc").hex(), abc);
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, ReadsFilesInPieces) {
  const testing::TempFolder folder;
  write_atomically(folder / "a", std::string(1'000'000, 'a'));
  EXPECT_EQ(sha256_file(folder / "a"), million_a);
  EXPECT_THROW(sha256_file(folder / "missing"), RunError);
  EXPECT_THROW(sha256_file(folder.path()), RunError);
}

}  // namespace
}  // namespace cq
