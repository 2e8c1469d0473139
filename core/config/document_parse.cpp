// SPDX-License-Identifier: Apache-2.0
//
// The only file that sees yaml-cpp. Its events, not its nodes, are used: nodes hide duplicate keys,
// and events let us stop a hostile file while it is being read.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include "evenkeel/core/config/document.h"
#include "utf8.h"

namespace evenkeel::core {
namespace {

// Ends the parser's run early; never leaves this file.
struct Stop {};

// Builds the tree from events. `open_` is the path from the root to the node being filled.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, std::size_t max_nodes, ErrorSink& errors)
      : file_(file), max_nodes_(max_nodes), errors_(errors) {}

  DocumentNode root;
  bool seen = false;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!seen) return;
    stop(at(mark), "a second document begins here; a file holds one");
  }
  void OnDocumentEnd() override { seen = true; }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    DocumentNode node;
    node.where = at(mark);
    complete(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    DocumentNode node;
    node.kind = DocumentNode::Kind::scalar;
    node.where = at(mark);
    node.scalar = value;
    node.quoted = tag == "!";  // what yaml-cpp calls everything that is not plain
    complete(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(at(mark), "this alias stands inside the value it names");
    if (open_.size() + found->second.depth > kMaxDocumentDepth) too_deep(mark);
    count_nodes(mark, found->second.nodes);
    add(found->second.node, found->second.nodes, found->second.depth);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(DocumentNode::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(DocumentNode::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    DocumentNode node;
    YAML::anchor_t anchor = 0;
    std::size_t nodes = 1;  // of this subtree so far
    std::size_t depth = 1;  // of the deepest part of it
    bool key_pending = false;
    bool key_duplicate = false;  // the value that follows is read and dropped
    std::string key;
    Position key_where;
    std::map<std::string, int> key_lines;
  };
  struct Anchored {
    DocumentNode node;
    std::size_t nodes = 1;
    std::size_t depth = 1;
  };

  [[nodiscard]] Position at(const YAML::Mark& mark) const {
    return {file_, mark.line + 1, mark.column + 1};
  }

  [[noreturn]] void stop(const Position& where, std::string message) {
    errors_.add(where, "", std::move(message));
    throw Stop{};
  }
  [[noreturn]] void too_deep(const YAML::Mark& mark) {
    stop(at(mark), "nested more than " + std::to_string(kMaxDocumentDepth) + " levels deep");
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    errors_.add(at(mark), "", "YAML tags are not used here: remove \"" + tag + "\"");
  }

  void count_nodes(const YAML::Mark& mark, std::size_t more) {
    nodes_ += more;
    if (nodes_ > max_nodes_) {
      stop(at(mark), "more than " + std::to_string(max_nodes_) + " values, aliases included");
    }
  }

  void begin(DocumentNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    refuse_tag(mark, tag);
    if (open_.size() >= kMaxDocumentDepth) too_deep(mark);
    count_nodes(mark, 1);
    if (expects_key())
      stop(at(mark), "a key must be plain text, not a map or a list; is a bracket left open?");
    Open open;
    open.node.kind = kind;
    open.node.where = at(mark);
    open.anchor = anchor;
    open_.push_back(std::move(open));
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    remember(done.anchor, done.node, done.nodes, done.depth);
    add(std::move(done.node), done.nodes, done.depth);
  }

  void complete(DocumentNode node, YAML::anchor_t anchor) {
    if (++nodes_ > max_nodes_) {
      stop(node.where, "more than " + std::to_string(max_nodes_) + " values, aliases included");
    }
    remember(anchor, node, 1, 1);
    add(std::move(node), 1, 1);
  }

  void remember(YAML::anchor_t anchor, const DocumentNode& node, std::size_t nodes,
                std::size_t depth) {
    if (anchor != 0) anchors_[anchor] = {node, nodes, depth};
  }

  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == DocumentNode::Kind::map &&
           !open_.back().key_pending;
  }

  void add(DocumentNode node, std::size_t nodes, std::size_t depth) {
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    if (expects_key()) {
      take_key(node);
      return;
    }
    Open& parent = open_.back();
    parent.nodes += nodes;
    parent.depth = std::max(parent.depth, depth + 1);
    if (parent.node.kind == DocumentNode::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
      return;
    }
    parent.key_pending = false;
    // The mark of an empty value is that of the next thing in the file.
    if (node.kind == DocumentNode::Kind::null && node.where.line != parent.key_where.line) {
      node.where = parent.key_where;
    }
    if (parent.key_duplicate) return;
    parent.node.members.push_back(
        {std::move(parent.key), std::move(parent.key_where), std::move(node)});
  }

  void take_key(const DocumentNode& node) {
    if (node.kind != DocumentNode::Kind::scalar) stop(node.where, "a key must be plain text");
    Open& map = open_.back();
    map.key = node.scalar;
    map.key_where = node.where;
    map.key_pending = true;
    map.key_duplicate = false;
    const auto [first, is_new] = map.key_lines.try_emplace(map.key, node.where.line);
    if (is_new) return;
    map.key_duplicate = true;
    errors_.add(node.where, path_of_open() + map.key,
                "this key was already given on line " + std::to_string(first->second));
  }

  // "pools[0].retry." for a key inside that map.
  [[nodiscard]] std::string path_of_open() const {
    std::string path;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
      const Open& open = open_[i];
      if (open.node.kind == DocumentNode::Kind::sequence) {
        path += "[" + std::to_string(open.node.items.size()) + "]";
      } else {
        path += (path.empty() ? "" : ".") + open.key;
      }
    }
    return path.empty() ? path : path + ".";
  }

  const std::string& file_;
  std::size_t max_nodes_;
  ErrorSink& errors_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
};

bool is_indented_by_tab(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  const std::size_t indent = text.find_first_not_of(" \t");
  return text.substr(0, indent).find('\t') != std::string_view::npos;
}

}  // namespace

Result<DocumentNode, ConfigErrors> parse_document(std::string_view text, const std::string& file,
                                                  const DocumentLimits& limits) {
  ErrorSink errors;
  if (text.size() > limits.bytes) {
    errors.add({file, 0, 0}, "", "larger than " + std::to_string(limits.bytes / 1024) + " KiB");
    return Unexpected{errors.take()};
  }
  if (const auto fault = find_text_fault(text)) {
    errors.add({file, fault->line, fault->column}, "", fault->message);
    return Unexpected{errors.take()};
  }
  TreeBuilder builder(file, limits.nodes, errors);
  try {
    std::istringstream input{std::string(text)};
    YAML::Parser parser(input);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
  } catch (const YAML::Exception& failure) {
    const Position where{file, failure.mark.line + 1, failure.mark.column + 1};
    const bool tab = is_indented_by_tab(text, where.line);
    errors.add(where, "",
               "not valid YAML: " + failure.msg + (tab ? "; indent with spaces, not tabs" : ""));
  }
  if (errors.empty() && !builder.seen) errors.add({file, 0, 0}, "", "the file is empty");
  if (!errors.empty()) return Unexpected{errors.take()};
  return std::move(builder.root);
}

}  // namespace evenkeel::core
