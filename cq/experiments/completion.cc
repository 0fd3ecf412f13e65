#include "cq/experiments/completion.h"

#include <algorithm>
#include <sstream>

#include "cq/base/error.h"
#include "cq/experiments/commands/components.h"
#include "cq/experiments/completion_keys.h"
#include "cq/experiments/setup/program_files.h"

namespace cq {

namespace {

using Words = std::vector<std::string>;

constexpr const char* kBash = R"sh(# Completion of cq-exp: source <(cq-exp completion bash)
_cq_exp() {
  local line="${COMP_LINE:0:COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}" candidate
  local current="${line##*[[:space:]]}"
  # Readline ends words at = and :, and replaces only what stands behind the last of them.
  local kept="${current%"$word"}"
  case "$word" in =|:|@) kept="$current" ;; esac
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("${candidate#"$kept"}")
  done < <("$1" complete -- "$line" 2>/dev/null)
  case "${COMPREPLY[0]-}" in *[=.]) compopt -o nospace 2>/dev/null ;; esac
  return 0
}
complete -o default -F _cq_exp cq-exp
)sh";

constexpr const char* kZsh = R"sh(#compdef cq-exp
# Completion of cq-exp: source <(cq-exp completion zsh), behind compinit
_cq_exp() {
  local -a candidates
  candidates=(${(f)"$("${words[1]}" complete -- "${(j: :)words[1,CURRENT]}" 2>/dev/null)"})
  if (( ${#candidates} )); then
    compadd -Q -S '' -- ${(M)candidates:#*[=.]}
    compadd -Q -- ${candidates:#*[=.]}
  else
    _files
  fi
}
compdef _cq_exp cq-exp
)sh";

Words words_of(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (line.empty() || line.back() == ' ' || words.empty()) words.emplace_back();
  return words;
}

Words command_names(const CLI::App& app) {
  Words names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    // Commands without a group are for scripts.
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  const auto found = app.get_subcommands([&](const CLI::App* command) {
    return command->get_name() == name && !command->get_group().empty();
  });
  return found.empty() ? nullptr : found.front();
}

Words flags(const CLI::App& app) {
  Words names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

Words names_of_kind(const std::string& kind) {
  Words names;
  for (const auto& entry : component_kind(kind).entries()) names.push_back(entry.name);
  return names;
}

/// The values that a flag may take: those its check names, or the components it chooses from.
Words values_of(const CLI::Option& option) {
  if (option.get_name() == "--method") return names_of_kind("schedules");
  if (option.get_name() == "--metrics") return names_of_kind("metrics");
  const std::string type = option.get_type_name();
  const auto open = type.find('{');
  const auto close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  std::istringstream list(type.substr(open + 1, close - open - 1));
  Words names;
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

/// The words of a command that are no flags and no values of flags.
Words positionals(const CLI::App& command, const Words& words) {
  Words out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with('-')) {
      out.push_back(words[i]);
    } else if (const auto* option = command.get_option_no_throw(words[i])) {
      i += option->get_expected_min() > 0 ? 1 : 0;
    }
  }
  return out;
}

Words kind_names() {
  Words names;
  for (const auto& kind : component_kinds()) names.push_back(kind.name);
  return names;
}

/// The program's own config that a command without a config file composes.
std::filesystem::path program_config(const std::string& command) {
  const auto own = config_folder() / (command + ".yaml");
  return std::filesystem::exists(own) ? own : config_folder() / "command.yaml";
}

Words complete_positional(const CLI::App& command, Words before, const std::string& word) {
  if (command.get_name() == "list") {
    return before.empty() ? kind_names() : before.size() == 1 ? names_of_kind(before[0]) : Words{};
  }
  if (command.get_name() == "completion") return {"bash", "zsh"};
  if (command.get_option_no_throw("overrides") == nullptr) return {};
  OverrideContext context;
  if (command.get_option_no_throw("config") == nullptr) {
    context.config = program_config(command.get_name());
  } else {
    if (before.empty()) return {};
    context.config = before.front();
    before.erase(before.begin());
  }
  context.overrides = std::move(before);
  return complete_override(context, word);
}

Words complete_in(const CLI::App& command, const Words& before, const std::string& word) {
  if (word.starts_with('-')) return flags(command);
  if (!before.empty() && before.back().starts_with('-')) {
    const auto* option = command.get_option_no_throw(before.back());
    if (option != nullptr && option->get_expected_min() > 0) return values_of(*option);
  }
  return complete_positional(command, positionals(command, before), word);
}

}  // namespace

Words complete(const CLI::App& app, const std::string& line) {
  const Words words = words_of(line);
  const std::string& word = words.back();
  Words found;
  try {
    if (words.size() <= 2) {
      found = word.starts_with('-') ? flags(app) : command_names(app);
    } else {
      const auto* command = find_command(app, words[1]);
      if (command == nullptr) return {};
      found = complete_in(*command, {words.begin() + 2, words.end() - 1}, word);
    }
  } catch (const Error&) {
    // Half a line may mean nothing yet; a completion says nothing then.
    return {};
  }
  std::erase_if(found, [&](const std::string& name) { return !name.starts_with(word); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string completion_script(const std::string& shell) {
  return shell == "bash" ? kBash : kZsh;
}

}  // namespace cq
