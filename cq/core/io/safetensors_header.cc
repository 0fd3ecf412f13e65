#include "cq/core/io/safetensors_header.h"

#include <limits>
#include <optional>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "cq/base/error.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

constexpr size_t kMostDimensions = 64;
constexpr size_t kMostTensors = 200'000;  // a header of the longest kind could name millions

// Event handler of nlohmann::json::sax_parse: {name: {dtype, shape, data_offsets}, ...}.
class HeaderHandler {
 public:
  explicit HeaderHandler(SafeTensorsHeader& header) : header_(header) {}

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("a boolean"); }
  bool number_integer(int64_t value) { return unexpected(fmt::format("{}", value)); }
  bool number_float(double, const std::string& text) { return unexpected(text); }
  bool binary(nlohmann::json::binary_t&) { return unexpected("binary data"); }

  bool number_unsigned(uint64_t value) {
    if (depth_ != 2 || list_ == nullptr) return unexpected(fmt::format("{}", value));
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return unexpected(fmt::format("{}", value));
    }
    if (list_->size() == kMostDimensions) fail("more than 64 values");
    list_->push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(std::string& text) {
    if (depth_ != 2 || list_ != nullptr) return unexpected("a string");
    if (metadata_) {
      header_.metadata[field_] = std::move(text);
    } else if (field_ == "dtype") {
      dtype_ = std::move(text);
    } else {
      return unexpected("a string");
    }
    return true;
  }

  bool start_object(size_t) {
    if (depth_ == 2) return unexpected("an object");
    ++depth_;
    if (depth_ == 2) {
      dtype_.reset();
      shape_.reset();
      offsets_.reset();
      fields_.clear();
    }
    return true;
  }

  bool end_object() {
    if (depth_ == 2 && !metadata_) finish_entry();
    --depth_;
    return true;
  }

  bool start_array(size_t) {
    if (depth_ != 2 || list_ != nullptr || metadata_) return unexpected("a list");
    if (field_ == "shape") {
      list_ = &shape_.emplace();
    } else if (field_ == "data_offsets") {
      list_ = &offsets_.emplace();
    } else {
      return unexpected("a list");
    }
    return true;
  }

  bool end_array() {
    list_ = nullptr;
    return true;
  }

  bool key(std::string& text) {
    if (depth_ == 1) {
      if (!names_.insert(text).second) {
        throw RunError("'{}' occurs twice in the header", printable(text));
      }
      if (names_.size() > kMostTensors) throw RunError("more than {} tensors", kMostTensors);
      metadata_ = text == "__metadata__";
      name_ = std::move(text);
    } else {
      field_ = std::move(text);
      if (!fields_.insert(field_).second) fail("'" + printable(field_) + "' occurs twice");
      const bool known = field_ == "dtype" || field_ == "shape" || field_ == "data_offsets";
      if (!metadata_ && !known) {
        fail("unknown field '" + printable(field_) + "', expected dtype, shape, data_offsets");
      }
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) {
    throw RunError("the header is no JSON (at byte {} of it: {})", position,
                   printable(error.what()));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw RunError("tensor '{}': {}", printable(name_), what);
  }

  [[noreturn]] bool unexpected(const std::string& what) const {
    if (depth_ == 0) throw RunError("the header is {}, expected an object", what);
    if (depth_ == 1) fail("is " + what + ", expected an object");
    fail("'" + printable(field_) + "' cannot be or hold " + what);
  }

  void finish_entry() {
    if (!dtype_) fail("'dtype' is missing");
    if (!shape_) fail("'shape' is missing");
    if (!offsets_) fail("'data_offsets' is missing");
    const auto type = dtype_from_name(*dtype_);
    if (!type) {
      fail("type '" + printable(*dtype_) + "' cannot be read, expected one of " + dtype_names());
    }
    if (offsets_->size() != 2 || (*offsets_)[0] > (*offsets_)[1]) {
      fail("data_offsets " + shape_text(*offsets_) + " are no begin and end");
    }
    const auto numel = checked_numel(*shape_);
    if (!numel) fail("shape " + shape_text(*shape_) + " is too large");
    const auto bytes = *numel * static_cast<int64_t>(c10::elementSize(*type));
    if ((*offsets_)[1] - (*offsets_)[0] != bytes) {
      fail(fmt::format("{} of shape {} needs {} bytes, data_offsets {} give {}", *dtype_,
                       shape_text(*shape_), bytes, shape_text(*offsets_),
                       (*offsets_)[1] - (*offsets_)[0]));
    }
    const auto begin = static_cast<uint64_t>((*offsets_)[0]);
    const auto end = static_cast<uint64_t>((*offsets_)[1]);
    header_.entries.emplace_back(std::move(name_),
                                 SafeTensors::Entry{{*dtype_, *shape_}, *type, begin, end});
  }

  SafeTensorsHeader& header_;
  int depth_ = 0;  // 1: between entries, 2: inside an entry
  bool metadata_ = false;
  std::string name_, field_;
  std::unordered_set<std::string> names_, fields_;
  std::optional<std::string> dtype_;
  std::optional<std::vector<int64_t>> shape_, offsets_;
  std::vector<int64_t>* list_ = nullptr;  // the list being read
};

}  // namespace

SafeTensorsHeader parse_safetensors_header(std::span<const uint8_t> json) {
  if (json.empty() || json[0] != '{') throw RunError("the header does not start with '{'");
  SafeTensorsHeader header;
  HeaderHandler handler(header);
  nlohmann::json::sax_parse(json.begin(), json.end(), &handler);
  return header;
}

}  // namespace cq
