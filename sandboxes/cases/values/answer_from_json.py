# An `answer` that was read from data counts as well.
text = '{"content": "found", "r' + 'eady": true}'
# %%
answer = json.loads(text)
# expected
# %%
#. 'found'
