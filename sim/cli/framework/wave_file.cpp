#include "sim/cli/framework/wave_file.hpp"

#include "sim/verify/banks/waveform.hpp"

namespace gradpath::cli {

void WaveFile::commit() {
  if (const int error = verify::waveform_error()) file_.fail_writing(error);
  file_.commit();
}

}  // namespace gradpath::cli
