# Timing constraints of one clocked module of rtl/ as a design of its own: one clock, and half of its
# period for what stands in front of the inputs and behind the outputs. Inside a larger design the
# clock is its clock, and the paths through the ports are its paths: of the streams' ready and valid
# none goes through a module, so only the clock is needed there.
#
# Read by OpenSTA (tested) and, in the first branch below, by tools with collections.
set period 2.0; # ns
set outside [expr {0.5 * $period}]

create_clock -name clk_i -period $period [get_ports clk_i]
if {[info commands remove_from_collection] ne ""} {
  set inputs [remove_from_collection [all_inputs] [get_ports clk_i]]
} else {
  set inputs {}
  foreach port [all_inputs] {
    if {[get_property $port full_name] ne "clk_i"} { lappend inputs $port }
  }
}
set_input_delay $outside -clock clk_i $inputs
set_output_delay $outside -clock clk_i [all_outputs]
