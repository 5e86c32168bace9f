#include "sim/report/report_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "sim/report/markup.hpp"

namespace gradpath::cli {
namespace {

constexpr std::string_view kStyle = R"(
body { font: 15px/1.45 sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-size: 13px; }
th, td { padding: .15rem .6rem; border-bottom: 1px solid #ddd; text-align: right; }
th { cursor: pointer; background: #f4f4f4; position: sticky; top: 0; }
.name { text-align: left; }
.scroll { max-height: 30rem; overflow: auto; }
summary { cursor: pointer; font-weight: bold; margin: .6rem 0; }
pre { background: #f4f4f4; padding: .6rem; overflow: auto; }
)";

// A click on a head sorts the rows by that column, another one the other way round.
constexpr std::string_view kScript = R"(
document.querySelectorAll("th").forEach(function (head) {
  head.onclick = function () {
    var column = head.cellIndex, body = head.closest("table").tBodies[0];
    var turn = head.dataset.turn = head.dataset.turn === "1" ? "-1" : "1";
    var key = function (row) { return row.cells[column].textContent; };
    Array.from(body.rows).sort(function (a, b) {
      var x = key(a), y = key(b), p = parseFloat(x), q = parseFloat(y);
      return turn * (isNaN(p) || isNaN(q) ? x.localeCompare(y) : p - q);
    }).forEach(function (row) { body.appendChild(row); });
  };
});
)";

std::string number(double value) {
  if (std::isnan(value)) return "nan";
  return fmt::format("{:.4g}", value);
}

class HtmlTable {
 public:
  void head(std::string_view name, bool is_text = false) {
    html_ += is_text ? "<th class=\"name\">" : "<th>";
    html_ += escaped(name) + "</th>";
  }
  void end_head() { html_ += "</tr></thead><tbody>\n"; }
  void begin_row() { html_ += "<tr>"; }
  void text(std::string_view text) { html_ += "<td class=\"name\">" + escaped(text) + "</td>"; }
  void real(double value) { html_ += "<td>" + number(value) + "</td>"; }
  void integer(std::size_t value) { html_ += fmt::format("<td>{}</td>", value); }
  void end_row() { html_ += "</tr>\n"; }
  [[nodiscard]] std::string finish() && { return std::move(html_) + "</tbody></table></div>\n"; }

 private:
  std::string html_ = "<div class=\"scroll\"><table><thead><tr>";
};

// What a chart shows of a measure: the smaller the better, on a logarithmic axis where the measure
// is not logarithmic itself.
struct Axis {
  std::string_view measure;
  std::string_view title;
  bool is_logarithmic;  ///< the axis
};
constexpr std::array<Axis, 3> kAxes = {{{"mean_relative_error", "mean relative error", true},
                                        {"sqnr_db", "SQNR, dB", false},
                                        {"cosine", "1 - cosine", true}}};

constexpr double kWidth = 370;
constexpr double kHeight = 260;
constexpr double kLeft = 56;
constexpr double kRight = kWidth - 10;
constexpr double kTop = 24;
constexpr double kBottom = kHeight - 34;

struct Dot {
  int bits;
  double y;  ///< on the axis, after the logarithm
  bool is_best;
  const FormatSummary* format;
  double value;
};

std::vector<Dot> dots_of(const SettingSummary& setting, const Axis& axis) {
  const auto measures = all_measures();
  const auto found = std::ranges::find(measures, axis.measure, &Measure::name);
  const auto m = static_cast<std::size_t>(found - measures.begin());
  std::vector<Dot> dots;
  for (const FormatSummary& format : setting.formats) {
    double value = format.medians[m];
    if (axis.measure == "cosine") value = 1 - value;
    const double y = axis.is_logarithmic ? std::log10(value) : value;
    if (!std::isfinite(y)) continue;
    dots.push_back({format.bits, y, false, &format, value});
  }
  std::map<int, Dot*> best;  // by bits; among equals the first
  for (Dot& dot : dots) {
    Dot*& known = best.try_emplace(dot.bits, &dot).first->second;
    if (axis.is_logarithmic ? dot.y < known->y : dot.y > known->y) known = &dot;
  }
  for (auto& [bits, dot] : best) dot->is_best = true;
  return dots;
}

std::string chart(const SettingSummary& setting, const Axis& axis) {
  std::string svg =
      fmt::format(R"(<svg width="{0}" height="{1}" viewBox="0 0 {0} {1}" font-family="sans-serif">)"
                  "\n",
                  kWidth, kHeight);
  svg += text_at(0.5 * (kLeft + kRight), 15, "middle", 12, axis.title);
  svg += fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" fill="none" stroke="#888"/>)"
                     "\n",
                     kLeft, kTop, kRight - kLeft, kBottom - kTop);
  const std::vector<Dot> dots = dots_of(setting, axis);
  if (dots.empty()) {
    return svg +
           text_at(0.5 * (kLeft + kRight), 0.5 * (kTop + kBottom), "middle", 11,
                   "nothing to draw: all medians are 0, infinite or nan") +
           "</svg>\n";
  }
  const auto [low_bits, high_bits] = std::ranges::minmax(dots, {}, &Dot::bits);
  const auto [low_dot, high_dot] = std::ranges::minmax(dots, {}, &Dot::y);
  const double pad = std::max(0.06 * (high_dot.y - low_dot.y), 0.02);
  const double low = low_dot.y - pad;
  const double high = high_dot.y + pad;
  const double left = low_bits.bits - 0.5;
  const double right = high_bits.bits + 0.5;
  const auto across = [&](double bits) {
    return kLeft + (bits - left) / (right - left) * (kRight - kLeft);
  };
  const auto up = [&](double y) { return kBottom - (y - low) / (high - low) * (kBottom - kTop); };
  constexpr int kTicks = 5;
  for (int i = 0; i < kTicks; ++i) {
    const double y = low + (high - low) * (i + 0.5) / kTicks;
    svg += fmt::format(R"(<line x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}" stroke="#ddd"/>)"
                       "\n",
                       kLeft, kRight, up(y));
    svg += text_at(kLeft - 5, up(y) + 3, "end", 9,
                   fmt::format("{:.3g}", axis.is_logarithmic ? std::pow(10.0, y) : y));
  }
  const int step = 1 + (high_bits.bits - low_bits.bits) / 12;
  for (int bits = low_bits.bits; bits <= high_bits.bits; bits += step) {
    svg += text_at(across(bits), kBottom + 14, "middle", 9, std::to_string(bits));
  }
  svg += text_at(0.5 * (kLeft + kRight), kBottom + 28, "middle", 10, "bits");
  std::string line;
  for (const Dot& dot : dots) {
    if (dot.is_best) line += fmt::format("{:.1f},{:.1f} ", across(dot.bits), up(dot.y));
  }
  svg += fmt::format(R"(<polyline fill="none" stroke="#0072b2" stroke-width="1.3" points="{}"/>)"
                     "\n",
                     line);
  for (const Dot& dot : dots) {
    svg += fmt::format(
        R"(<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="{}"><title>{}: {}</title></circle>)"
        "\n",
        across(dot.bits), up(dot.y), dot.is_best ? "#0072b2" : "#999", escaped(dot.format->format),
        number(dot.value));
    if (dot.is_best) {
      svg += text_at(across(dot.bits), up(dot.y) - 8, "middle", 9, dot.format->format);
    }
  }
  return svg + "</svg>\n";
}

std::string rankings_table(const SettingSummary& setting) {
  HtmlTable table;
  table.head("bits");
  table.head("measure", true);
  table.head("best, and of how many tensors", true);
  table.head("median margin");
  table.end_head();
  for (const Ranking& ranking : setting.rankings) {
    std::string wins;
    for (const auto& [format, count] : ranking.wins) {
      wins += fmt::format("{}{} {}", wins.empty() ? "" : ", ", format, count);
    }
    table.begin_row();
    table.integer(static_cast<std::size_t>(ranking.bits));
    table.text(ranking.measure->name);
    table.text(wins.empty() ? "none: it is defined for no tensor" : wins);
    table.real(ranking.median_margin);
    table.end_row();
  }
  return std::move(table).finish();
}

// A best format without a rival says nothing.
std::string rivals(const SettingSummary& setting) {
  std::map<int, std::size_t> candidates;
  for (const Ranking& ranking : setting.rankings) candidates[ranking.bits] = ranking.candidates;
  std::string html;
  for (const auto& [bits, count] : candidates) {
    html +=
        fmt::format("{}{} of {} bits", html.empty() ? "<p>Formats compared: " : ", ", count, bits);
  }
  return html.empty() ? html : html + ".</p>\n";
}

std::string formats_table(const SettingSummary& setting) {
  HtmlTable table;
  table.head("format", true);
  table.head("bits");
  table.head("tensors");
  for (const Measure& measure : all_measures()) table.head(measure.name);
  table.head("zero_fraction");
  table.head("saturated_fraction");
  table.end_head();
  for (const FormatSummary& format : setting.formats) {
    table.begin_row();
    table.text(format.format);
    table.integer(static_cast<std::size_t>(format.bits));
    table.integer(format.tensors);
    for (const double value : format.medians) table.real(value);
    table.real(format.zero_fraction);
    table.real(format.saturated_fraction);
    table.end_row();
  }
  return std::move(table).finish();
}

std::string tensors_table(const SettingSummary& setting) {
  HtmlTable table;
  table.head("trace", true);
  table.head("tensor", true);
  table.head("bits");
  for (const Measure& measure : all_measures()) {
    table.head(fmt::format("best by {}", measure.name), true);
    table.head(measure.name);
    table.head("margin");
  }
  table.end_head();
  for (const TensorBest& tensor : setting.best) {
    table.begin_row();
    table.text(tensor.trace);
    table.text(tensor.tensor);
    table.integer(static_cast<std::size_t>(tensor.bits));
    for (const TensorBest::Choice& choice : tensor.choices) {
      table.text(choice.format);
      table.real(choice.value);
      table.real(choice.margin);
    }
    table.end_row();
  }
  return std::move(table).finish();
}

}  // namespace

std::string report_page(const ReportHead& head, std::span<const SettingSummary> settings) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<title>{0}</title>\n<style>{1}</style></head><body>\n<h1>{0}</h1>\n"
      "<p>{2} results of {3} tensors under {4} settings (rounding, overflow, scale, sparsity), "
      "written by gradpath {5}.</p>\n",
      escaped(head.title), kStyle, head.results, head.tensors, settings.size(),
      escaped(head.version));
  html +=
      "<p>Errors are those of docs/profile.md, \"Measures\", against the tensor before pruning. "
      "Every ranking is by the measure it names: they differ. A margin is how far the second of "
      "the same bits is behind: its error (1 - cosine) over the best's, less 1; for sqnr_db a "
      "difference in dB. Medians are over tensors, each counted once. A head sorts its "
      "table.</p>\n";
  for (const SettingSummary& setting : settings) {
    html += fmt::format("<details{}><summary>{}</summary>\n",
                        &setting == settings.data() ? " open" : "", escaped(setting.setting));
    html += "<p>Median over the tensors; blue: the best of its bits.</p>\n";
    for (const Axis& axis : kAxes) html += chart(setting, axis);
    html += "<h3>Best formats</h3>\n" + rivals(setting) + rankings_table(setting);
    html += "<h3>Formats, medians over the tensors</h3>\n" + formats_table(setting);
    html += "<h3>Best format of each tensor</h3>\n" + tensors_table(setting);
    html += "</details>\n";
  }
  html += "<h2>Configuration</h2>\n<pre>";
  // Line by line: a line break is no character to escape.
  for (std::size_t at = 0; at < head.configuration.size();) {
    const std::size_t end = std::min(head.configuration.find('\n', at), head.configuration.size());
    html += escaped(std::string_view(head.configuration).substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return html + fmt::format("</pre>\n<script>{}</script>\n</body></html>\n", kScript);
}

}  // namespace gradpath::cli
