#include "cq/experiments/list_options.h"

#include <algorithm>

namespace cq {

namespace {

/// KEY=VALUE or ~KEY, unlike NAME<=BOUND and NAME>=BOUND.
bool is_override(const std::string& word) {
  const auto equals = word.find('=');
  return word.starts_with('~') || (equals != std::string::npos && equals > 0 &&
                                   word[equals - 1] != '<' && word[equals - 1] != '>');
}

bool is_list(const CLI::Option& option) {
  return !option.get_positional() && option.get_allow_extra_args();
}

/// The command that the words call, null where it takes no overrides.
CLI::App* find_command(CLI::App& app, const std::string& name) {
  const auto found =
      app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
  if (found.empty() || found.front()->get_option_no_throw("overrides") == nullptr) return nullptr;
  return found.front();
}

std::ptrdiff_t required_positionals(CLI::App& command) {
  const auto options = command.get_options();
  return std::count_if(options.begin(), options.end(), [](const auto* option) {
    return option->get_positional() && option->get_required();
  });
}

}  // namespace

std::vector<std::string> end_lists_at_overrides(CLI::App& app,
                                                const std::vector<std::string>& words) {
  const auto named = std::find_if(words.begin(), words.end(),
                                  [](const auto& word) { return !word.starts_with('-'); });
  auto* command = named == words.end() ? nullptr : find_command(app, *named);
  if (command == nullptr) return words;
  std::vector<std::string> out(words.begin(), named + 1);
  auto missing = required_positionals(*command);
  std::string list;       // the option whose further values the words are, or empty
  bool is_value = false;  // of the option in front of it, whatever it looks like
  for (auto word = named + 1; word != words.end(); ++word) {
    if (!is_value && word->starts_with('-')) {
      const auto name = word->substr(0, word->find('='));
      const auto* option = command->get_option_no_throw(name);
      list = option != nullptr && is_list(*option) ? name : "";
      is_value = option != nullptr && option->get_expected_min() > 0 && name == *word;
      out.push_back(*word);
      continue;
    }
    if (!is_value) {
      if (is_override(*word) || words.end() - word <= missing) list.clear();
      if (!list.empty()) {
        out.push_back(list);
      } else if (missing > 0) {
        --missing;
      }
    }
    is_value = false;
    out.push_back(*word);
  }
  for (auto* option : command->get_options()) {
    if (is_list(*option)) option->allow_extra_args(false);
  }
  return out;
}

}  // namespace cq
