#include "cq/core/io/npy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/core/io/npy.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

constexpr size_t kLongestHeader = 1u << 20;
constexpr size_t kMostDimensions = 64;  // NumPy's own limit

struct NpyType {
  std::string_view name;  // without the byte order
  at::ScalarType type;
  size_t width = 0;  // in the file, where it is not the type's own
};

constexpr std::array kTypes = {
    NpyType{"b1", at::kBool},
    NpyType{"u1", at::kByte},
    NpyType{"i1", at::kChar},
    NpyType{"i2", at::kShort},
    NpyType{"u2", at::kUInt16},
    NpyType{"i4", at::kInt},
    NpyType{"u4", at::kUInt32},
    NpyType{"i8", at::kLong},
    NpyType{"u8", at::kUInt64},
    NpyType{"f2", at::kHalf},
    NpyType{"f4", at::kFloat},
    NpyType{"f8", at::kDouble},
    NpyType{"c8", at::kComplexFloat},
    // long double of x86, padded: 80 bits, read as float64.
    NpyType{"f16", at::kDouble, 16},
    NpyType{"f12", at::kDouble, 12},
};

// A reader of the Python literal: a dict of text, booleans and tuples of whole numbers.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  void expect(char c) {
    if (!accept(c)) fail(std::string("'") + c + "'");
  }

  bool accept(char c) {
    skip_space();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::string string() {
    skip_space();
    const char quote = text_.empty() ? '\0' : text_.front();
    if (quote != '\'' && quote != '"') fail("text in quotes (arrays of records cannot be read)");
    const size_t end = text_.find(quote, 1);
    if (end == std::string_view::npos || text_.substr(0, end).find('\\') != std::string_view::npos)
      fail("plain text");
    const std::string result(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return result;
  }

  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (text_.starts_with(word)) {
        text_.remove_prefix(std::strlen(word));
        return value;
      }
    }
    fail("True or False");
  }

  int64_t size() {
    skip_space();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) fail("a size");
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    if (text_.starts_with('L')) text_.remove_prefix(1);  // written by Python 2
    return value;
  }

  std::vector<int64_t> sizes() {
    std::vector<int64_t> result;
    expect('(');
    while (!accept(')')) {
      if (result.size() == kMostDimensions) fail("at most 64 dimensions");
      result.push_back(size());
      if (!accept(',')) {
        if (result.size() == 1) fail("',' after a single size");
        expect(')');
        break;
      }
    }
    return result;
  }

  void expect_end() {
    skip_space();
    if (!text_.empty()) fail("the end of the header");
  }

 private:
  void skip_space() {
    const size_t start = std::min(text_.find_first_not_of(" \t\r\n"), text_.size());
    text_.remove_prefix(start);
  }

  [[noreturn]] void fail(const std::string& expected) const {
    throw RunError("in the header: expected {}, came '{}'", expected, printable(text_, 40));
  }

  std::string_view text_;
};

const NpyType& find_type(const std::string& descr) {
  const std::string_view order = "<>|=";
  const bool ordered = !descr.empty() && order.find(descr[0]) != std::string_view::npos;
  const std::string_view name = std::string_view(descr).substr(ordered ? 1 : 0);
  const auto* found = std::ranges::find(kTypes, name, &NpyType::name);
  if (!ordered || found == kTypes.end()) {
    std::vector<std::string_view> names;
    names.reserve(kTypes.size());
    for (const NpyType& type : kTypes) names.push_back(type.name);
    throw NpyTypeError("type '{}' cannot be read, expected one of {} in either byte order",
                       printable(descr), fmt::join(names, ", "));
  }
  return *found;
}

NpyHeader parse(std::span<const uint8_t> bytes) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0) {
    throw RunError("not an .npy array: it does not start with \\x93NUMPY");
  }
  const int version = bytes[6];
  if (version < 1 || version > 3 || bytes[7] != 0) {
    throw RunError("version {}.{} of the .npy format, expected 1.0, 2.0 or 3.0", version, bytes[7]);
  }
  const size_t start = version == 1 ? 10 : 12;
  size_t length = bytes[8] | static_cast<size_t>(bytes[9]) << 8;
  if (version > 1) {
    if (bytes.size() < 12) throw RunError("the header is cut off");
    length |= static_cast<size_t>(bytes[10]) << 16 | static_cast<size_t>(bytes[11]) << 24;
  }
  if (length > kLongestHeader) throw RunError("header of {} bytes, expected at most 1 MiB", length);
  if (length > bytes.size() - start) throw RunError("the header is cut off");

  const NpyFields fields =
      parse_npy_fields({reinterpret_cast<const char*>(bytes.data()) + start, length});
  NpyHeader header{};
  const NpyType& type = find_type(fields.descr);
  header.type = type.type;
  header.width = type.width == 0 ? c10::elementSize(type.type) : type.width;
  header.swapped = fields.descr[0] == '>' && header.width > 1;
  header.fortran = fields.fortran;
  header.data = start + length;
  const auto numel = checked_numel(fields.shape);
  if (!numel) throw RunError("shape {} is too large", shape_text(fields.shape));
  header.data_size = static_cast<size_t>(*numel) * header.width;
  header.info = {dtype_name(header.type), fields.shape};
  return header;
}

}  // namespace

NpyFields parse_npy_fields(std::string_view text) {
  Literal literal(text);
  NpyFields fields;
  bool descr = false, fortran = false, shape = false;
  const auto once = [](bool& seen, const std::string& key) {
    if (seen) throw RunError("in the header: '{}' occurs twice", key);
    seen = true;
  };
  literal.expect('{');
  while (!literal.accept('}')) {
    const std::string key = literal.string();
    literal.expect(':');
    if (key == "descr") {
      once(descr, key);
      fields.descr = literal.string();
    } else if (key == "fortran_order") {
      once(fortran, key);
      fields.fortran = literal.boolean();
    } else if (key == "shape") {
      once(shape, key);
      fields.shape = literal.sizes();
    } else {
      throw RunError("in the header: unknown key '{}'", printable(key));
    }
    if (!literal.accept(',')) {
      literal.expect('}');
      break;
    }
  }
  literal.expect_end();
  if (!descr || !fortran || !shape) {
    throw RunError("in the header: 'descr', 'fortran_order' and 'shape' must all be there");
  }
  return fields;
}

NpyHeader parse_npy_header(std::span<const uint8_t> bytes, const std::string& where) {
  try {
    return parse(bytes);
  } catch (const NpyTypeError& error) {
    throw NpyTypeError("{}: {}", where, error.what());
  } catch (const RunError& error) {
    throw RunError("{}: {}", where, error.what());
  }
}

std::string npy_header_text(const at::Tensor& tensor) {
  const auto* found = std::ranges::find(kTypes, tensor.scalar_type(), &NpyType::type);
  if (found == kTypes.end()) {
    throw RunError("NumPy has no type for {} tensors; convert them first",
                   c10::toString(tensor.scalar_type()));
  }
  std::string shape;
  for (const int64_t size : tensor.sizes()) shape += fmt::format("{}, ", size);
  if (tensor.dim() > 1) shape.resize(shape.size() - 2);
  if (tensor.dim() == 1) shape.resize(shape.size() - 1);
  std::string dict = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 tensor.element_size() == 1 ? '|' : '<', found->name, shape);
  dict.resize((dict.size() + 1 + 10 + 63) / 64 * 64 - 11, ' ');
  dict += '\n';
  std::string text = "\x93NUMPY";
  text += {'\1', '\0', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return text + dict;
}

}  // namespace cq
