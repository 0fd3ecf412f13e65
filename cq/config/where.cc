#include "cq/config/where.h"

#include <cctype>

#include "cq/config/excerpt.h"
#include "cq/config/scalar.h"

namespace cq::config {

struct Where::Term {
  enum class Kind { literal, key, list, op_not, op_and, op_or, compare };
  Kind kind = Kind::literal;
  Node value;        // literal
  std::string text;  // key, or the comparison's operator
  std::vector<Term> terms;
};

namespace {

using Term = Where::Term;

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  Term whole() {
    Term out = disjunction();
    skip();
    if (i_ < text_.size()) fail("'and', 'or' or the end");
    return out;
  }

 private:
  [[noreturn]] void fail(std::string_view expected) const {
    throw UsageError("where '{}', column {}: expected {}, got {}", text_,
                     character_column(text_, i_), expected, shown_character(text_, i_));
  }

  void skip() {
    while (i_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[i_]))) ++i_;
  }
  static bool in_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' ||
           c == '@' || c == '/' || c == '+';
  }
  std::string peek_word() {
    skip();
    std::size_t end = i_;
    while (end < text_.size() && in_word(text_[end])) ++end;
    return text_.substr(i_, end - i_);
  }
  bool take_word(std::string_view word) {
    if (peek_word() != word) return false;
    i_ += word.size();
    return true;
  }
  bool take(std::string_view what) {
    skip();
    if (text_.compare(i_, what.size(), what) != 0) return false;
    i_ += what.size();
    return true;
  }

  static Term node(Term::Kind kind, std::vector<Term> terms, std::string text = "") {
    Term out;
    out.kind = kind;
    out.text = std::move(text);
    out.terms = std::move(terms);
    return out;
  }

  Term disjunction() {
    Term out = conjunction();
    while (take_word("or")) out = node(Term::Kind::op_or, {std::move(out), conjunction()});
    return out;
  }

  Term conjunction() {
    Term out = negation();
    while (take_word("and")) out = node(Term::Kind::op_and, {std::move(out), negation()});
    return out;
  }

  Term negation() {
    if (++depth_ > 64) throw UsageError("where '{}': nested deeper than 64 levels", text_);
    Term out = take_word("not") ? node(Term::Kind::op_not, {negation()}) : comparison();
    --depth_;
    return out;
  }

  Term comparison() {
    Term left = operand();
    for (const char* op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (take(op)) return node(Term::Kind::compare, {std::move(left), operand()}, op);
    }
    if (take_word("in")) return node(Term::Kind::compare, {std::move(left), operand()}, "in");
    const std::size_t before = i_;
    if (take_word("not")) {
      if (take_word("in")) return node(Term::Kind::compare, {std::move(left), operand()}, "not in");
      i_ = before;
      fail("a comparison");
    }
    return left;
  }

  Term operand() {
    if (take("(")) {
      Term out = disjunction();
      if (!take(")")) fail("')'");
      return out;
    }
    if (take("[")) return list();
    skip();
    if (i_ < text_.size() && (text_[i_] == '\'' || text_[i_] == '"')) return quoted();
    const std::string word = peek_word();
    if (word.empty() || word == "and" || word == "or" || word == "in") fail("a key or a value");
    i_ += word.size();
    Term out;
    if (const auto integer = python_int(word)) {
      out.value = Node(*integer);
    } else if (const auto real = python_float(word)) {
      out.value = Node(*real);
    } else if (word == "true" || word == "false") {
      out.value = Node(word == "true");
    } else if (word != "null") {
      out.kind = Term::Kind::key;
      out.text = word;
    }
    return out;
  }

  Term quoted() {
    const char quote = text_[i_++];
    const std::size_t end = text_.find(quote, i_);
    if (end == std::string::npos) fail("the closing quote");
    Term out;
    out.value = Node(text_.substr(i_, end - i_));
    i_ = end + 1;
    return out;
  }

  Term list() {
    Term out = node(Term::Kind::list, {});
    if (take("]")) return out;
    do {
      out.terms.push_back(operand());
    } while (take(","));
    if (!take("]")) fail("',' or ']'");
    return out;
  }

  const std::string& text_;
  std::size_t i_ = 0;
  int depth_ = 0;
};

bool equal(const Node& a, const Node& b) {
  if (a.is_number() && b.is_number()) return a.as_double() == b.as_double();
  return a == b;
}

bool ordered(const Node& a, const Node& b, const std::string& op) {
  const auto by = [&](const auto& x, const auto& y) {
    if (op == "<") return x < y;
    if (op == "<=") return x <= y;
    return op == ">" ? x > y : x >= y;
  };
  if (a.is_number() && b.is_number()) return by(a.as_double(), b.as_double());
  if (a.is_string() && b.is_string()) return by(a.as_string(), b.as_string());
  throw UsageError("{} {} {}: only numbers, or only strings, have an order", a.describe(), op,
                   b.describe());
}

Node evaluate(const Term& term, const Where::Lookup& lookup);

bool truth(const Term& term, const Where::Lookup& lookup) {
  const Node value = evaluate(term, lookup);
  if (value.is_bool()) return value.as_bool();
  throw UsageError("{} is neither true nor false", value.describe());
}

Node evaluate(const Term& term, const Where::Lookup& lookup) {
  switch (term.kind) {
    case Term::Kind::literal:
      return term.value;
    case Term::Kind::key:
      return lookup(term.text);
    case Term::Kind::list: {
      Node out = Node::list();
      for (const Term& item : term.terms) out.append(evaluate(item, lookup));
      return out;
    }
    case Term::Kind::op_not:
      return Node(!truth(term.terms[0], lookup));
    case Term::Kind::op_and:
      return Node(truth(term.terms[0], lookup) && truth(term.terms[1], lookup));
    case Term::Kind::op_or:
      return Node(truth(term.terms[0], lookup) || truth(term.terms[1], lookup));
    case Term::Kind::compare:
      break;
  }
  const Node a = evaluate(term.terms[0], lookup);
  const Node b = evaluate(term.terms[1], lookup);
  if (term.text == "==") return Node(equal(a, b));
  if (term.text == "!=") return Node(!equal(a, b));
  if (term.text != "in" && term.text != "not in") return Node(ordered(a, b, term.text));
  if (!b.is_list()) throw UsageError("'in' needs a list on its right, got {}", b.describe());
  bool found = false;
  for (const Node& item : b.elements()) found = found || equal(a, item);
  return Node(found == (term.text == "in"));
}

/// The strings of a literal, or of a list of literals.
std::vector<std::string> strings_of(const Term& term) {
  std::vector<std::string> out;
  if (term.kind == Term::Kind::literal && term.value.is_string()) {
    out.push_back(term.value.as_string());
  }
  if (term.kind == Term::Kind::list) {
    for (const Term& item : term.terms) {
      for (std::string& text : strings_of(item)) out.push_back(std::move(text));
    }
  }
  return out;
}

void collect_compared(const Term& term,
                      std::vector<std::pair<std::string, std::vector<std::string>>>& out) {
  for (const Term& part : term.terms) collect_compared(part, out);
  if (term.kind != Term::Kind::compare || term.text[0] == '<' || term.text[0] == '>') return;
  for (const auto& [key, value] : {std::pair{0, 1}, std::pair{1, 0}}) {
    const Term& side = term.terms[static_cast<std::size_t>(key)];
    if (side.kind != Term::Kind::key) continue;
    out.emplace_back(side.text, strings_of(term.terms[static_cast<std::size_t>(value)]));
  }
}

}  // namespace

Where::Where(const std::string& text)
    : text_(text), term_(std::make_unique<Term>(Parser(text).whole())) {}
Where::~Where() = default;
Where::Where(Where&&) noexcept = default;
Where& Where::operator=(Where&&) noexcept = default;

bool Where::holds(const Lookup& lookup) const {
  try {
    return truth(*term_, lookup);
  } catch (const UsageError& error) {
    throw UsageError("where '{}': {}", text_, error.what());
  }
}

std::vector<std::pair<std::string, std::vector<std::string>>> Where::compared() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  collect_compared(*term_, out);
  return out;
}

}  // namespace cq::config
