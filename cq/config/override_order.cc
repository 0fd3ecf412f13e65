#include "cq/config/override_order.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>

namespace cq::config {

namespace {

bool is_number(const Element& element) {
  return element.is_scalar() && (element.scalar().is_number() || element.scalar().is_bool());
}

double number(const Element& element) {
  const Node& node = element.scalar();
  return node.is_bool() ? (node.as_bool() ? 1.0 : 0.0) : node.as_double();
}

bool is_word(const Element& element) {
  return element.is_scalar() && element.scalar().is_string() && element.quote == '\0';
}

/// Python's ==; a quoted string differs from an unquoted one.
bool python_same(const Element& a, const Element& b) {
  if (is_number(a) && is_number(b)) return number(a) == number(b);
  if (a.is_list() && b.is_list()) {
    return std::equal(a.list().begin(), a.list().end(), b.list().begin(), b.list().end(),
                      python_same);
  }
  return a.value.index() == b.value.index() && a.text() == b.text();
}

bool python_less(const Element& a, const Element& b) {
  if (is_number(a) && is_number(b)) return number(a) < number(b);
  if (is_word(a) && is_word(b)) return a.scalar().as_string() < b.scalar().as_string();
  if (a.is_list() && b.is_list()) {
    const auto [x, y] = std::mismatch(a.list().begin(), a.list().end(), b.list().begin(),
                                      b.list().end(), python_same);
    if (x == a.list().end() || y == b.list().end()) return a.list().size() < b.list().size();
    return python_less(*x, *y);
  }
  throw UsageError("{} and {} cannot be compared to sort them", a.text(), b.text());
}

std::vector<std::size_t> identity(std::size_t size) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

std::vector<Element> arranged(const std::vector<Element>& items,
                              const std::vector<std::size_t>& order) {
  std::vector<Element> out;
  out.reserve(items.size());
  for (const std::size_t i : order) out.push_back(items[i]);
  return out;
}

}  // namespace

std::vector<Element> sorted(const std::vector<Element>& items, bool reverse) {
  std::vector<std::size_t> order = identity(items.size());
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return reverse ? python_less(items[b], items[a]) : python_less(items[a], items[b]);
  });
  return arranged(items, order);
}

std::vector<Element> shuffled(const std::vector<Element>& items) {
  std::string all;
  for (const Element& item : items) all += item.text() + ",";
  std::uint64_t seed = 14695981039346656037ull;
  for (const char c : all) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  std::mt19937_64 random(seed);
  std::vector<std::size_t> order = identity(items.size());
  for (std::size_t i = items.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return arranged(items, order);
}

}  // namespace cq::config
