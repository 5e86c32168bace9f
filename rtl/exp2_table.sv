// 2^f - 1 in 1024ths for the top six bits of a fraction f of eight, at
// the middle of what they leave open.
// Written by scripts/rtl_tables.py.
//
// Combinational.
module exp2_table (
    input  logic [5:0] index_i,
    output logic [9:0] value_o
);

  always_comb begin
    unique case (index_i)
      6'd0: value_o = 10'd4;
      6'd1: value_o = 10'd15;
      6'd2: value_o = 10'd27;
      6'd3: value_o = 10'd38;
      6'd4: value_o = 10'd50;
      6'd5: value_o = 10'd61;
      6'd6: value_o = 10'd73;
      6'd7: value_o = 10'd85;
      6'd8: value_o = 10'd97;
      6'd9: value_o = 10'd109;
      6'd10: value_o = 10'd122;
      6'd11: value_o = 10'd134;
      6'd12: value_o = 10'd147;
      6'd13: value_o = 10'd160;
      6'd14: value_o = 10'd173;
      6'd15: value_o = 10'd186;
      6'd16: value_o = 10'd199;
      6'd17: value_o = 10'd212;
      6'd18: value_o = 10'd225;
      6'd19: value_o = 10'd239;
      6'd20: value_o = 10'd253;
      6'd21: value_o = 10'd267;
      6'd22: value_o = 10'd281;
      6'd23: value_o = 10'd295;
      6'd24: value_o = 10'd309;
      6'd25: value_o = 10'd324;
      6'd26: value_o = 10'd339;
      6'd27: value_o = 10'd353;
      6'd28: value_o = 10'd368;
      6'd29: value_o = 10'd384;
      6'd30: value_o = 10'd399;
      6'd31: value_o = 10'd414;
      6'd32: value_o = 10'd430;
      6'd33: value_o = 10'd446;
      6'd34: value_o = 10'd462;
      6'd35: value_o = 10'd478;
      6'd36: value_o = 10'd494;
      6'd37: value_o = 10'd511;
      6'd38: value_o = 10'd528;
      6'd39: value_o = 10'd545;
      6'd40: value_o = 10'd562;
      6'd41: value_o = 10'd579;
      6'd42: value_o = 10'd596;
      6'd43: value_o = 10'd614;
      6'd44: value_o = 10'd632;
      6'd45: value_o = 10'd650;
      6'd46: value_o = 10'd668;
      6'd47: value_o = 10'd687;
      6'd48: value_o = 10'd705;
      6'd49: value_o = 10'd724;
      6'd50: value_o = 10'd743;
      6'd51: value_o = 10'd762;
      6'd52: value_o = 10'd782;
      6'd53: value_o = 10'd801;
      6'd54: value_o = 10'd821;
      6'd55: value_o = 10'd841;
      6'd56: value_o = 10'd862;
      6'd57: value_o = 10'd882;
      6'd58: value_o = 10'd903;
      6'd59: value_o = 10'd924;
      6'd60: value_o = 10'd945;
      6'd61: value_o = 10'd967;
      6'd62: value_o = 10'd988;
      6'd63: value_o = 10'd1010;
      default: value_o = '0;
    endcase
  end

endmodule
