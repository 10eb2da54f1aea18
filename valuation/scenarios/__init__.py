"""What the value would be under other assumptions: scenarios, tornado, levers."""
