# A cell that fails gives no `answer`; the next one that ends well does.
answer["content"], answer["ready"] = 5, True
1 / 0
# %%
x = 1
# %%
x = 2
# expected
#! ZeroDivisionError: division by zero @2
# %%
#. 5
# %%
