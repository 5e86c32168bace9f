// Which line of the broken RTL is broken in this process: GRADPATH_MUTANT, 0 or unset for none.
#include <cstdlib>

extern "C" int gradpath_mutant_number() {
  static const int number = [] {
    const char* text = std::getenv("GRADPATH_MUTANT");
    return text == nullptr ? 0 : std::atoi(text);
  }();
  return number;
}
