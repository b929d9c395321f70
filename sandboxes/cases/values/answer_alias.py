# The dict may be filled by another name of it.
form = answer
form.update(content="by another name", ready=True)
# expected
#. 'by another name'
