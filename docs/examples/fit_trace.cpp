// Prints, for every gradient of a trace, how many elements it has and the lognormal that fits them.
#include <cstdio>

#include <gradpath/error.hpp>
#include <gradpath/stats/fit.hpp>
#include <gradpath/traces/tensor_data.hpp>
#include <gradpath/traces/trace.hpp>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fit_trace TRACE.safetensors\n", stderr);
    return 2;
  }
  try {
    const gradpath::Trace trace(argv[1]);
    for (const gradpath::LayerStep& layer : trace.layer_steps()) {
      const gradpath::TensorFloats gradient(*layer.grad_output);
      const gradpath::TensorFit fit = gradpath::fit_tensor(gradient.values());
      std::printf("%s,%zu,%.17g,%.17g\n", layer.grad_output->name.c_str(), gradient.values().size(),
                  fit.mu_ln, fit.sigma_ln);
    }
  } catch (const gradpath::UserError& error) {  // what the file's owner can mend
    std::fprintf(stderr, "fit_trace: %s\n", error.what());
    return 2;
  }
}
