"""CTs that never were in a paper: scans read from DICOM, NIfTI, MetaImage or pages, and cut to slices.

Each reader (`dicom.find_dicom`, `nifti.find_nifti`, `metaimage.find_metaimage`, `pages.find_pages`) lists the
scans of a file or folder without decoding them. A scan's name and its patient's are pseudonyms: nothing of a
patient but the facts named in `deidentify.FACTS` leaves a reader.
"""
