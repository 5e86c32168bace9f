#pragma once

namespace gradpath::cli {

/// Makes the process sound, before anything else is done:
///   the standard descriptors that are closed are opened, so that no file that is opened later
///     becomes stdout (writing to such a stdout fails, it does not vanish);
///   signals end in one line (handle_signals());
///   memory beyond what the machine has available is refused (std::bad_alloc), instead of taken
///   from
///     every other program until one is killed. Not under sanitizers, whose shadow memory counts.
void prepare_process();

}  // namespace gradpath::cli
