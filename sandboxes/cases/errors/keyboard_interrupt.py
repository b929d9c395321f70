# A KeyboardInterrupt that a cell raises is an error of the cell.
raise KeyboardInterrupt
# %%
"alive"
# expected
#! KeyboardInterrupt @1
# %%
#= 'alive'
